"""Damage is noticed, named and never given out as data: altered bytes, missing bytes, a full disk."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrofr.case import (
    Case,
    commit_slice,
    create_case,
    face_picture,
    open_case,
    streams,
    template_blocks,
    tracklet_count,
    tracklet_table,
)
from retrofr.case.verifying import Verified, verify_case
from retrofr.case.wal import lost_commits
from retrofr.errors import CaseError, OutputError

RECIPE = "a" * 64
PAGE = 32768


def everything(case: Case) -> list[Any]:
    """All templates and pictures, as bytes."""
    blocks = [block.templates.tobytes() for block in template_blocks(case, RECIPE)]
    ids = tracklet_table(case, RECIPE).ids.tolist()
    return [blocks, [face_picture(case, number, 0) for number in ids]]


def test_a_whole_case_is_whole(filled: Path) -> None:
    with open_case(filled) as case:
        checked = verify_case(case)
        assert checked == Verified((filled / "case.db").stat().st_size // PAGE, PAGE)


def test_no_altered_byte_goes_unnoticed(filled: Path) -> None:
    database = filled / "case.db"
    original = database.read_bytes()
    chance = random.Random(4)
    places = [*range(0, 24), *range(PAGE - 40, PAGE), *(chance.randrange(len(original)) for _ in range(60))]
    for place in places:
        altered = bytearray(original)
        altered[place] ^= 1 << chance.randrange(8)
        database.write_bytes(altered)
        with pytest.raises(CaseError) as error, open_case(filled) as case:
            verify_case(case)
        assert error.value.subject == str(database), place
        assert "is damaged" in error.value.reason, place


def test_altered_bytes_are_never_given_out(filled: Path) -> None:
    """Reading without verifying first gives what was written, or an error."""
    database = filled / "case.db"
    original = database.read_bytes()
    with open_case(filled) as case:
        truth = everything(case)
    chance = random.Random(5)
    refused = []
    for page in range(1, len(original) // PAGE):
        altered = bytearray(original)
        altered[page * PAGE + chance.randrange(PAGE)] ^= 16
        database.write_bytes(altered)
        try:
            with open_case(filled) as case:
                assert everything(case) == truth
        except CaseError as error:
            refused.append((error.reason, error.hint))
    assert len(refused) > 20  # the pages that hold templates and pictures, at least
    assert set(refused) == {
        (
            "is damaged: bytes of it were altered or are missing",
            "use a copy; `retrofr case verify` says whether one is whole",
        )
    }


def test_no_cut_goes_unnoticed(filled: Path) -> None:
    database = filled / "case.db"
    original = database.read_bytes()
    for size in (0, 1, PAGE - 1, PAGE, 2 * PAGE, len(original) // 2, len(original) - PAGE, len(original) - 1):
        database.write_bytes(original[:size])
        with pytest.raises(CaseError) as error, open_case(filled) as case:
            verify_case(case)
        assert error.value.subject == str(database), size
        assert error.value.exit_code == 5


def test_a_cut_page_is_not_taken_for_content(filled: Path) -> None:
    """SQLite would give the encrypted bytes of it for what was written."""
    database = filled / "case.db"
    size = database.stat().st_size - 1
    with database.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(CaseError) as error:
        open_case(filled)
    assert error.value.reason == f"is cut short: it has {size:,} bytes, which is not a whole number of pages"


def test_what_was_appended_is_noticed(filled: Path) -> None:
    with (filled / "case.db").open("ab") as file:
        file.write(bytes(PAGE))
    with open_case(filled) as case, pytest.raises(CaseError, match="and should have"):
        verify_case(case)


# ---- the log that a killed process leaves ----------------------------------------------------------------------


@pytest.fixture
def crashed(filled: Path, filling: Any, tmp_path: Path) -> Path:
    """A copy of a case as it was while it was open: with a log of five commits."""
    copy = tmp_path / "crashed"
    copy.mkdir()
    with open_case(filled, write=True) as case:
        (stream,) = streams(case, RECIPE)
        filling.commit(case, stream, *range(10, 15))
        for name in ("case.db", "case.db-wal", "case.json"):
            shutil.copy(filled / name, copy / name)
    return copy


def test_a_log_that_was_left_is_read(crashed: Path) -> None:
    assert lost_commits(crashed / "case.db-wal") == 0
    with open_case(crashed) as case:
        assert tracklet_count(case, RECIPE) == 15
        verify_case(case)
    assert not (crashed / "case.db-wal").exists()


def test_a_torn_end_of_the_log_costs_nothing_that_was_committed(crashed: Path) -> None:
    log = crashed / "case.db-wal"
    with log.open("ab") as file:
        file.write(log.read_bytes()[32 : 32 + 3000])  # the beginning of a page
    with open_case(crashed) as case:
        assert tracklet_count(case, RECIPE) == 15


@pytest.mark.parametrize("place", [3, 20, 40, 32 + 24 + 99, 32 + 2 * (24 + PAGE) + 7])
def test_damage_inside_the_log_is_not_taken_for_its_end(crashed: Path, place: int) -> None:
    log = crashed / "case.db-wal"
    altered = bytearray(log.read_bytes())
    altered[place] ^= 1
    log.write_bytes(altered)
    with pytest.raises(CaseError) as error:
        open_case(crashed)
    assert error.value.reason.startswith(
        "its log case.db-wal is damaged, and what was committed behind the damage cannot be read (commits: "
    )
    assert (error.value.hint or "").endswith("to go on without them, move case.db-wal away")


# ---- a full disk -----------------------------------------------------------------------------------------------

FULL = "the disk is full; nothing that was committed is lost"


def test_a_full_disk_loses_nothing_that_was_committed(folder: Path, keys: Any, filling: Any) -> None:
    with create_case(folder) as case:
        stream = filling.stream(case)
        filling.commit(case, stream, 0)
        pages = int(case.fetch_all("PRAGMA page_count")[0][0])
        case.fetch_all(f"PRAGMA max_page_count = {pages + 3}")

        def fill_up() -> None:
            for number in range(1, 50):
                large = filling.slice(number, filling.tracklet(1, number), jpeg=bytes(30_000))
                commit_slice(case, stream.id, large)

        with pytest.raises(OutputError) as error:
            fill_up()
        assert (error.value.exit_code, error.value.reason) == (7, FULL)
        assert error.value.hint == "make room, then run the same command again: it goes on where it stopped"
        kept = tracklet_count(case, RECIPE)
        assert kept == streams(case, RECIPE)[0].next_slice  # whole slices only
    with open_case(folder, write=True) as case:
        verify_case(case)
        assert tracklet_count(case, RECIPE) == kept
        filling.commit(case, streams(case, RECIPE)[0], 49)  # and with room again it goes on


FILL_UP = """
import resource, sys
from pathlib import Path
from retrofr.case import open_case
from retrofr.errors import RetrofrError
with open_case(Path(sys.argv[1]), write=True) as case:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    for number in range(1000):
        try:
            with case.transaction():
                case.execute("INSERT INTO meta VALUES (?, ?)", (f"fill {number}", "x" * 30000))
        except RetrofrError as error:
            print(error.exit_code, error.reason, flush=True)
            break
        print(number, flush=True)
"""


def test_a_disk_that_refuses_to_take_more(filled: Path, start_script: Callable[..., Any]) -> None:
    """The system refuses the write itself, in the log: here by a limit on the size of files."""
    limit = (filled / "case.db").stat().st_size + 20 * PAGE
    process = start_script(FILL_UP, filled, limit)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    *committed, last = out.splitlines()
    assert last.startswith("7 ")
    assert last.endswith("nothing that was committed is lost")
    with open_case(filled) as case:
        verify_case(case)
        names = {row[0] for row in case.execute("SELECT name FROM meta")}
        assert {name for name in names if name.startswith("fill")} == {f"fill {n}" for n in committed}
        assert tracklet_count(case, RECIPE) == 10
