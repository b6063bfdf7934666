"""Downloads against a real HTTP server on loopback that can resume, cut, lie and refuse."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from retrofr import download
from retrofr.download import pull
from retrofr.errors import WeightsError
from retrofr.events import Downloading, Event
from retrofr.weights import State, WeightsFile, check_weights, read_weights

CONTENT = bytes(range(256)) * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    ranges: bool = True
    etag: str | None = '"v1"'
    length: bool = True
    status: int | None = None
    cut_after: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        does = self.behaviour
        wanted = self.headers.get("Range")
        does.asked.append(wanted)
        if does.status is not None:
            self.send_error(does.status)
            return
        start, if_range = 0, self.headers.get("If-Range")
        if wanted and does.ranges and if_range in (None, does.etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(does.content):
                self.send_error(416)
                return
        body = does.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(does.content) - 1}/{len(does.content)}")
        if does.length:
            self.send_header("Content-Length", str(len(body)))
        if does.etag:
            self.send_header("ETag", does.etag)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have seen enough
            self.wfile.write(body[: does.cut_after.pop(0)] if does.cut_after else body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour()
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", behaviour
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("RETROFR_WEIGHTS_URL_BASE", raising=False)
    return tmp_path / "models"


def _file(base: str, **changes: Any) -> WeightsFile:
    file = WeightsFile(
        name="net",
        file_name="net.pt",
        sha256=DIGEST,
        size_bytes=len(CONTENT),
        licence="MIT",
        source="a test",
        training_data="none",
        url=f"{base}/net.pt",
    )
    return replace(file, **changes)


def _names(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir())


def test_a_download_reports_its_progress_and_leaves_only_the_file(
    server: tuple[str, Behaviour], models: Path
) -> None:
    events: list[Event] = []
    path = pull(_file(server[0]), events.append)
    assert path == models / "net.pt"
    assert read_weights(_file(server[0])) == CONTENT
    assert _names(models) == ["net.pt"]
    assert events[0] == Downloading("net", 0, len(CONTENT))
    assert events[-1] == Downloading("net", len(CONTENT), len(CONTENT))


def test_sound_weights_are_not_downloaded_again(server: tuple[str, Behaviour]) -> None:
    pull(_file(server[0]))
    pull(_file(server[0]))
    assert len(server[1].asked) == 1


def test_damaged_weights_are_replaced(server: tuple[str, Behaviour], models: Path) -> None:
    pull(_file(server[0])).write_bytes(b"damaged")
    pull(_file(server[0]))
    assert read_weights(_file(server[0])) == CONTENT


def test_a_cut_connection_goes_on_where_it_stopped(server: tuple[str, Behaviour]) -> None:
    base, behaviour = server
    behaviour.cut_after = [1_500_000, 700_000]
    pull(_file(base))
    assert behaviour.asked == [None, "bytes=1500000-", "bytes=2200000-"]
    assert read_weights(_file(base)) == CONTENT


def test_a_later_call_goes_on_where_the_last_one_stopped(server: tuple[str, Behaviour], models: Path) -> None:
    base, behaviour = server
    behaviour.cut_after = [1000, 1000, 1000]
    with pytest.raises(WeightsError) as caught:
        pull(_file(base))
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        f"net: the connection to {base.removeprefix('http://')} was cut at 3,000 bytes, 3 times\n"
        "run the same command again to go on from there"
    )
    assert "net.pt" not in _names(models)
    pull(_file(base))
    assert behaviour.asked[-1] == "bytes=3000-"
    assert read_weights(_file(base)) == CONTENT


def test_a_server_that_cannot_resume_starts_anew(server: tuple[str, Behaviour]) -> None:
    base, behaviour = server
    behaviour.ranges = False
    behaviour.cut_after = [1000]
    pull(_file(base))
    assert behaviour.asked == [None, "bytes=1000-"]
    assert read_weights(_file(base)) == CONTENT


def test_two_versions_of_a_file_are_never_mixed(server: tuple[str, Behaviour]) -> None:
    base, behaviour = server
    file = _file(base, sha256=None, size_bytes=None)
    behaviour.cut_after = [1000, 1000, 1000]
    with pytest.raises(WeightsError):
        pull(file)
    behaviour.content, behaviour.etag = CONTENT[::-1], '"v2"'
    pull(file)
    assert read_weights(file) == CONTENT[::-1]


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_without_digest_and_version_nothing_is_resumed(
    server: tuple[str, Behaviour], etag: str | None
) -> None:
    base, behaviour = server
    behaviour.etag, behaviour.cut_after = etag, [1000]
    pull(_file(base, sha256=None, size_bytes=None))
    assert behaviour.asked == [None, None]


def test_a_part_file_longer_than_the_file_is_thrown_away(server: tuple[str, Behaviour], models: Path) -> None:
    models.mkdir()
    (models / "net.pt.part").write_bytes(CONTENT + b"more")
    pull(_file(server[0], size_bytes=None))
    assert read_weights(_file(server[0])) == CONTENT


def test_wrong_bytes_are_removed(server: tuple[str, Behaviour], models: Path) -> None:
    base, behaviour = server
    behaviour.content = CONTENT[::-1]
    digest = hashlib.sha256(CONTENT[::-1]).hexdigest()
    with pytest.raises(WeightsError) as caught:
        pull(_file(base))
    assert str(caught.value) == (
        f"net: the downloaded file is not the right one (SHA-256 {digest}, expected {DIGEST}); it was removed\n"
        "try again; if it stays so, the address no longer serves this file"
    )
    assert _names(models) == []


def test_a_file_of_another_size_is_refused_before_it_is_downloaded(
    server: tuple[str, Behaviour], models: Path
) -> None:
    base, behaviour = server
    behaviour.content = b"<html>moved</html>"
    with pytest.raises(
        WeightsError, match=r"net\.pt is 18 bytes, expected 5,120,000, so it is not the right"
    ):
        pull(_file(base))
    assert "net.pt" not in _names(models)


def test_a_server_that_states_no_length_is_checked_by_digest(server: tuple[str, Behaviour]) -> None:
    base, behaviour = server
    behaviour.length = False
    behaviour.cut_after = [1000]
    with pytest.raises(WeightsError, match="is not the right one"):
        pull(_file(base))
    pull(_file(base))
    assert read_weights(_file(base)) == CONTENT


def test_a_refusal_names_address_and_answer(server: tuple[str, Behaviour], models: Path) -> None:
    base, behaviour = server
    behaviour.status = 404
    with pytest.raises(WeightsError) as caught:
        pull(_file(base))
    assert caught.value.reason == f"{base}/net.pt: the server answered 404 Not Found"
    assert caught.value.hint is not None
    assert "on another machine" in caught.value.hint
    assert "net.pt" not in _names(models)


def test_no_network_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on port 1 of loopback.
    with pytest.raises(WeightsError, match=r"net: cannot reach 127\.0\.0\.1:1 \(Connection refused\)"):
        pull(_file("http://127.0.0.1:1"))


def test_a_mirror_can_be_set(server: tuple[str, Behaviour], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_WEIGHTS_URL_BASE", server[0] + "/")
    pull(_file("https://example.invalid"))
    assert read_weights(_file(server[0])) == CONTENT


@pytest.mark.parametrize("base", ["file:///etc", "ftp://127.0.0.1", "/srv/mirror"])
def test_only_http_addresses_are_opened(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.setenv("RETROFR_WEIGHTS_URL_BASE", base)
    with pytest.raises(WeightsError, match="is not an http or https address"):
        pull(_file("https://example.invalid"))


def test_the_first_download_records_its_digest_and_later_ones_are_held_to_it(
    server: tuple[str, Behaviour], models: Path
) -> None:
    base, behaviour = server
    file = _file(base, sha256=None, size_bytes=None)
    pull(file)
    assert (models / "net.pt.sha256").read_text() == f"{DIGEST}  net.pt\n"
    assert check_weights(file).recorded
    (models / "net.pt").unlink()
    behaviour.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match=f"expected {DIGEST}") as caught:
        pull(file)
    assert caught.value.hint is not None
    assert "recorded at the first download" in caught.value.hint
    assert _names(models) == ["net.pt.sha256"]
    assert check_weights(file).state is State.ABSENT


class _FullDisk:
    """A part file whose disk has room for one write."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle

    def write(self, data: bytes) -> int:
        if self._handle.tell():
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._handle.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


def test_a_full_disk_leaves_nothing_behind(
    server: tuple[str, Behaviour], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = download._Job
    monkeypatch.setattr(
        download,
        "_Job",
        lambda file, url, part, handle, heard: job(file, url, part, _FullDisk(handle), heard),
    )
    with pytest.raises(WeightsError, match=r"models is full; the incomplete file was removed"):
        pull(_file(server[0]))
    assert [name for name in _names(models) if not name.endswith(".etag")] == []


def test_too_little_room_is_said_before_the_download(
    server: tuple[str, Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(WeightsError, match="has 1,000 bytes free and 5,120,000 are needed"):
        pull(_file(server[0]))


def test_weights_of_a_package_are_not_downloaded() -> None:
    file = _file("http://127.0.0.1:1", url=None, package="no_such_package", package_path="x")
    with pytest.raises(WeightsError, match="it comes with the Python package no_such_package"):
        pull(file)


def test_two_downloads_of_one_file_do_not_meet(server: tuple[str, Behaviour], models: Path) -> None:
    def second_pull(event: Event) -> None:
        with pytest.raises(WeightsError, match="is being downloaded already"):
            pull(_file(server[0]))

    pull(_file(server[0]), second_pull)
    assert read_weights(_file(server[0])) == CONTENT
