"""Downloads weights from their official address: resumable, and under their final name only once checked.

The address can be replaced by a mirror's with the environment variable RETROFR_WEIGHTS_URL_BASE, to which the
file's name is added. This is the only file of retrofr that opens a network connection.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from retrofr.errors import WeightsError
from retrofr.events import Downloading, Listener, ignore
from retrofr.weights import State, WeightsFile, check_weights, expected_digest, models_folder, record_path

URL_BASE_VARIABLE = "RETROFR_WEIGHTS_URL_BASE"
_TIMEOUT_SECONDS = 30.0
_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 3


def pull(file: WeightsFile, listener: Listener = ignore) -> Path:
    """Download a weights file into the model folder, unless it is on this machine and sound.

    A download that was cut goes on where it stopped; a server that cannot do that starts anew. Where no digest is
    known beforehand, that of the first download is recorded beside the file and held to from then on.

    Returns:
        Where the checked file lies.

    Raises:
        WeightsError: it has no address, the server cannot be reached or refuses, the disk is full, or the bytes
            are not the file they should be (they are then removed).
    """
    found = check_weights(file)
    if found.state is State.PRESENT and found.path is not None:
        return found.path
    url = _address(file)
    target = models_folder() / file.file_name
    part = target.with_name(target.name + ".part")
    with _disk_errors(file, part):
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WeightsError("is being downloaded already", subject=file.name) from error
            _fetch(_Job(file, url, part, handle, listener))
            handle.flush()
            os.fsync(handle.fileno())
            _accept(file, part, target)
    return target


@dataclass(frozen=True)
class _Job:
    file: WeightsFile
    url: str
    part: Path
    handle: IO[bytes]
    listener: Listener

    @property
    def version_path(self) -> Path:
        """Where the server's name for the version being downloaded is kept, so that no two are mixed."""
        return self.part.with_name(self.part.name + ".etag")

    def problem(self, reason: str, hint: str | None = None) -> WeightsError:
        return WeightsError(reason, subject=self.file.name, hint=hint)


def _address(file: WeightsFile) -> str:
    if file.url is None:
        raise WeightsError(
            f"is not downloaded: it comes with the Python package {file.package}", subject=file.name
        )
    base = os.environ.get(URL_BASE_VARIABLE)
    url = f"{base.rstrip('/')}/{urllib.parse.quote(file.file_name)}" if base else file.url
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise WeightsError(
            f"{url} is not an http or https address",
            subject=file.name,
            hint=f"{URL_BASE_VARIABLE} must begin with https:// or http://",
        )
    return url


def _fetch(job: _Job) -> None:
    """Bring the whole file into the part file, going on after a cut connection a few times."""
    for _ in range(_ATTEMPTS):
        with _network_errors(job):
            if _fetch_on(job):
                return
    raise job.problem(
        f"the connection to {_host(job.url)} was cut at {job.handle.tell():,} bytes, {_ATTEMPTS} times",
        hint="run the same command again to go on from there",
    )


def _fetch_on(job: _Job) -> bool:
    """One request; True where the file is complete after it."""
    start = _resume_at(job)
    request = urllib.request.Request(job.url, headers={"User-Agent": "retrofr"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if job.version_path.is_file():
            request.add_header("If-Range", job.version_path.read_text(encoding="ascii"))
    with _open(job, request) as response:
        if response.url.startswith("http:") and job.url.startswith("https:"):
            raise job.problem(f"{job.url} led to an unencrypted address, which is refused")
        if response.status != http.HTTPStatus.PARTIAL_CONTENT or _range_start(response) != start:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        _check_room(job, start, total)
        _begin_at(job, start, response)
        return _copy(job, response, total)


def _resume_at(job: _Job) -> int:
    """How many bytes of the part file can be kept."""
    size = job.part.stat().st_size
    if job.file.size_bytes is not None and size >= job.file.size_bytes:
        return 0
    # Without a digest nothing but the server's version name would tell two halves of different files apart.
    if job.file.sha256 is None and not job.version_path.is_file():
        return 0
    return size


def _open(job: _Job, request: urllib.request.Request) -> http.client.HTTPResponse:
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and request.has_header("Range"):
            error.close()
            _restart(job)
            request.remove_header("Range")
            request.remove_header("If-range")
            return _open(job, request)
        raise
    assert isinstance(response, http.client.HTTPResponse)
    return response


def _restart(job: _Job) -> None:
    job.handle.truncate(0)
    job.version_path.unlink(missing_ok=True)


def _begin_at(job: _Job, start: int, response: http.client.HTTPResponse) -> None:
    if start == 0:
        _restart(job)
        version = response.headers.get("ETag", "")
        # A weak tag (W/"…") does not promise the same bytes.
        if version.startswith('"'):
            job.version_path.write_text(version, encoding="ascii")
    job.handle.seek(0, os.SEEK_END)


def _range_start(response: http.client.HTTPResponse) -> int | None:
    """The first byte of the part a server sends: ``Content-Range: bytes 100-199/200``."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdecimal() else None


def _check_room(job: _Job, start: int, total: int | None) -> None:
    if total is None:
        return
    if job.file.size_bytes not in (None, total):
        raise job.problem(
            f"{job.url} is {total:,} bytes, expected {job.file.size_bytes:,}, so it is not the right file"
        )
    free = shutil.disk_usage(job.part.parent).free
    if free < total - start:
        raise job.problem(
            f"{job.part.parent} has {free:,} bytes free and {total - start:,} are needed",
            hint="free some space, or set RETROFR_MODELS to a folder on another disk",
        )


def _copy(job: _Job, response: http.client.HTTPResponse, total: int | None) -> bool:
    done = job.handle.tell()
    job.listener(Downloading(job.file.name, done, total))
    while True:
        try:
            chunk = response.read(_CHUNK_BYTES)
        except (http.client.IncompleteRead, ConnectionError, TimeoutError):
            return False
        if not chunk:
            break
        job.handle.write(chunk)
        done += len(chunk)
        job.listener(Downloading(job.file.name, done, total))
    job.handle.flush()
    return total is None or done == total


def _accept(file: WeightsFile, part: Path, target: Path) -> None:
    """Give the part file its final name if it is the right file, else remove it."""
    with part.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    version = part.with_name(part.name + ".etag")
    version.unlink(missing_ok=True)
    wanted = expected_digest(file, target)
    if wanted is not None and sha256 != wanted:
        part.unlink()
        raise WeightsError(
            f"the downloaded file is not the right one (SHA-256 {sha256}, expected {wanted}); it was removed",
            subject=file.name,
            hint=_about_record(file, target),
        )
    if wanted is None:
        # First, so that a file without its record is never left behind by a crash.
        record = record_path(target)
        draft = record.with_name(record.name + ".part")
        draft.write_text(f"{sha256}  {target.name}\n", encoding="ascii")
        draft.replace(record)
    part.replace(target)


def _about_record(file: WeightsFile, target: Path) -> str:
    if file.sha256 is not None:
        return "try again; if it stays so, the address no longer serves this file"
    return (
        f"the expected digest was recorded at the first download, in {record_path(target)}; "
        "remove that file only if you know why the weights changed"
    )


@contextmanager
def _network_errors(job: _Job) -> Iterator[None]:
    elsewhere = (
        f"download {job.file.url} on another machine and put it into {job.part.parent} with its digest beside it "
        f"(`sha256sum FILE > FILE.sha256`), or set {URL_BASE_VARIABLE} to a mirror"
    )
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise job.problem(f"{job.url}: the server answered {error.code} {error.reason}", elsewhere) from error
    except urllib.error.URLError as error:
        raise job.problem(f"cannot reach {_host(job.url)} ({_cause(error.reason)})", elsewhere) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise job.problem(f"{_host(job.url)} broke off ({_cause(error)})", elsewhere) from error


@contextmanager
def _disk_errors(file: WeightsFile, part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            part.unlink(missing_ok=True)
            raise WeightsError(
                f"the disk of {part.parent} is full; the incomplete file was removed",
                subject=file.name,
                hint="free some space, or set RETROFR_MODELS to a folder on another disk",
            ) from error
        raise WeightsError(
            f"{part.parent} cannot be written ({error.strerror})", subject=file.name
        ) from error


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _cause(reason: Any) -> str:
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
