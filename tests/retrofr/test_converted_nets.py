"""The folder of converted nets: what is kept comes back whole or not at all, and nothing there is an error."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import platformdirs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrofr import converted_nets
from retrofr.converted_nets import (
    CACHE_VARIABLE,
    ConvertedNet,
    cache_folder,
    conversion_terms,
    forget_nets,
    keep_net,
    kept_nets,
    read_net,
)

NET = ConvertedNet(b"<net>graph</net>", memoryview(bytes(range(256)) * 3))
TERMS = conversion_terms("ab" * 32, net="some", shape=[1, 2], dynamic=[0], dtype="uint8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "nets"


def keep(name: str = "some", terms: dict[str, object] | None = None) -> None:
    keep_net(name, TERMS if terms is None else terms, NET)


def is_kept(name: str = "some", terms: dict[str, object] | None = None) -> bool:
    net = read_net(name, TERMS if terms is None else terms)
    assert net is None or net == NET
    return net is not None


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_is_kept_comes_back_and_is_private(folder: Path) -> None:
    assert not is_kept()
    keep()
    assert is_kept()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    assert kept_nets() == converted_nets.KeptNets(folder, None, 1, only_file(folder).stat().st_size)
    forget_nets()
    assert not is_kept()
    assert kept_nets().files == 0


@pytest.mark.parametrize("term", list(TERMS))
def test_other_terms_are_another_net(term: str) -> None:
    keep()
    assert not is_kept(terms={**TERMS, term: "another"})


def test_a_file_under_the_name_of_other_terms_is_not_taken(folder: Path) -> None:
    keep()
    other = {**TERMS, "weights_sha256": "cd" * 32}
    only_file(folder).rename(converted_nets._place(folder, "some", other))
    assert not is_kept(terms=other)


def test_the_code_and_the_libraries_are_among_the_terms() -> None:
    assert set(TERMS["libraries"]) == {"facenet-pytorch", "onnx", "openvino", "retrofr", "torch"}
    assert all(TERMS["libraries"].values())
    assert len(TERMS["sources"]) == 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_damage_anywhere_is_noticed(folder: Path, data: st.DataObject) -> None:
    keep()
    path = only_file(folder)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    path.write_bytes(content)
    assert not is_kept()
    keep()
    assert is_kept(), "it is written anew"


@pytest.mark.parametrize("content", [b"", b"\n", converted_nets.MAGIC, converted_nets.MAGIC + b"[1]\nabc"])
def test_another_file_in_its_place_is_not_taken(folder: Path, content: bytes) -> None:
    keep()
    only_file(folder).write_bytes(content)
    assert not is_kept()


def test_what_others_could_have_written_is_not_taken(folder: Path) -> None:
    keep()
    only_file(folder).chmod(0o620)
    assert not is_kept()
    only_file(folder).chmod(0o600)
    folder.chmod(0o777)
    assert not is_kept()
    assert kept_nets().problem == f"{folder} belongs to somebody else, or others may write in it"
    keep("second")
    assert not is_kept("second")


def test_what_belongs_to_somebody_else_is_neither_taken_nor_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep()
    before = only_file(folder).stat()
    monkeypatch.setattr(os, "geteuid", lambda: before.st_uid + 1)
    assert not is_kept()
    keep()
    assert only_file(folder).stat() == before


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    keep()
    path = only_file(folder)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert not is_kept()
    keep()
    assert is_kept()
    assert not path.is_symlink()


def test_a_read_only_folder_is_no_error(folder: Path, permissions_hold: None) -> None:
    folder.parent.mkdir()
    folder.parent.chmod(0o500)
    keep()
    assert not is_kept()
    assert kept_nets().problem == f"{folder.parent} cannot be written in"
    folder.parent.chmod(0o700)
    keep()
    folder.chmod(0o500)
    keep("second")
    assert is_kept()
    assert not is_kept("second")
    folder.chmod(0o700)


def test_a_file_in_the_folders_place_is_no_error(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")
    keep()
    assert not is_kept()
    assert kept_nets().problem == f"{folder} is not a folder"


def test_no_room_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: IO[bytes], *_: object) -> None:
        file.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(converted_nets, "_pack", full)
    keep()
    assert list(folder.iterdir()) == []
    assert not is_kept()


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: f"~/.cache/{name}")
    monkeypatch.chdir(tmp_path)
    assert cache_folder() is None
    keep()
    assert not is_kept()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: f"/somebody/.cache/{name}")
    assert cache_folder() == Path("/somebody/.cache/retrofr/nets")


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    keep()
    assert not is_kept()
    assert kept_nets() == converted_nets.KeptNets(
        None, "keeping converted nets is switched off, or there is no home folder", 0, 0
    )


def test_the_two_newest_of_a_net_are_kept_and_other_nets_stay(folder: Path) -> None:
    keep("some-other")
    versions: list[dict[str, object]] = [{**TERMS, "sources": str(number)} for number in range(4)]
    for number, terms in enumerate(versions):
        keep(terms=terms)
        os.utime(converted_nets._place(folder, "some", terms), (number, number))
    assert [is_kept(terms=terms) for terms in versions] == [False, False, True, True]
    assert is_kept("some-other")


def test_what_a_killed_process_left_is_cleared_after_an_hour(folder: Path) -> None:
    keep()
    old, fresh = folder / "writing-old", folder / "writing-fresh"
    for left in (old, fresh):
        left.write_bytes(b"some")
    past = time.time() - 4000
    os.utime(old, (past, past))
    keep("second")
    assert not old.exists()
    assert fresh.exists()


WRITER = """
from retrofr.converted_nets import ConvertedNet, keep_net
for _ in range(50):
    keep_net("shared", {"weights_sha256": "1"}, ConvertedNet(b"g" * 100, memoryview(b"c" * 1_000_000)))
"""


def test_processes_that_keep_the_same_net_do_not_disturb_each_other() -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(2)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        net = read_net("shared", {"weights_sha256": "1"})
        if net is not None:
            assert net.graph == b"g" * 100
            assert bytes(net.constants) == b"c" * 1_000_000
            seen += 1
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert seen > 0
    assert read_net("shared", {"weights_sha256": "1"}) is not None
