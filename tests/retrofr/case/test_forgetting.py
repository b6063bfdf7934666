"""After a search nobody but its candidates is in the case, not even in the freed room of its file."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from retrofr.case import (
    Case,
    KeyStore,
    SearchRecord,
    case_coverage,
    commit_slice,
    create_case,
    finish_stream,
    get_blob,
    open_case,
    put_blob,
    record_search,
    stored_tracklet,
)
from retrofr.case.audit_log import entries, verify_audit
from retrofr.case.forgetting import Forgotten, forget_others
from retrofr.case.searches import CandidateRow, candidates_of
from retrofr.case.verifying import verify_case
from retrofr.errors import CaseBusyError, CaseError, UsageError
from retrofr.oversight.findings import Verified
from retrofr.records import Evidence

MANY = 40
KEPT = 7
RECIPE = "a" * 64


def secrets_of(number: int, filling: Any) -> tuple[bytes, bytes]:
    """Templates and face picture of a tracklet."""
    tracklet = filling.tracklet(1, number, seed=1000.123 * (number + 1))
    picture = np.random.default_rng(number).bytes(5000)
    return np.ascontiguousarray(tracklet.templates, "<f4").tobytes(), picture


def search(case: Case, *tracklets: int) -> int:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    rows = tuple(CandidateRow("anna", tracklet, 0.9, 1, 0, True) for tracklet in tracklets)
    return record_search(case, SearchRecord(moment, moment, RECIPE, {}, [], 0.5, "default", MANY, rows))


def fill(folder: Path, filling: Any, *, searched: bool = True) -> None:
    with create_case(folder) as made:
        stream = filling.stream(made)
        for number in range(MANY):
            tracklet = filling.tracklet(1, number, seed=1000.123 * (number + 1))
            indexed = filling.slice(number, tracklet, jpeg=secrets_of(number, filling)[1])
            commit_slice(made, stream.id, indexed)
        finish_stream(made, stream.id, filling.coverage())
        put_blob(made, "annoy", "stamp", [secrets_of(3, filling)[0] * 9])
        if searched:
            search(made, KEPT + 1)  # ids begin at 1


def decrypted(folder: Path, tmp_path: Path) -> bytes:
    """Every byte of every page of a case, freed ones too, without its encryption."""
    (key_file,) = KeyStore().case_ids()
    key = KeyStore().get(key_file)
    assert key is not None
    copy = tmp_path / "plain.db"
    shutil.copy(folder / "case.db", copy)
    connection = apsw.Connection(str(copy))
    for pragma in (
        "cipher = 'chacha20'",
        f'key = "raw:{key.key.hex()}"',
        "journal_mode = DELETE",
        "rekey = ''",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.close()
    data = copy.read_bytes()
    copy.unlink()
    assert data.startswith(b"SQLite format 3\0")
    return data


def remembered(data: bytes, filling: Any) -> tuple[list[int], list[int]]:
    """Numbers of the tracklets of which a template, and of those of which a part of the picture, is in these bytes."""
    templates, pictures = [], []
    for number in range(MANY):
        vectors, picture = secrets_of(number, filling)
        halves = (vectors[:12], vectors[12:])
        if any(half in data for half in halves):
            templates.append(number)
        if any(picture[at : at + 50] in data for at in range(0, 5000, 50)):
            pictures.append(number)
    return templates, pictures


def test_requirement_27_nothing_of_the_others_is_left_in_the_file(
    folder: Path, keys: KeyStore, tmp_path: Path, filling: Any
) -> None:
    fill(folder, filling)
    everybody = list(range(MANY))
    assert remembered(decrypted(folder, tmp_path), filling) == (everybody, everybody)  # the scan finds them
    before = (folder / "case.db").stat().st_size
    with open_case(folder, write=True) as case:
        done = forget_others(case, reason="search finished")
        assert done == Forgotten(MANY - 1, 2 * MANY - 2, 2 * MANY - 2, 1)
        assert case.path.with_name("case.db-wal").stat().st_size == 0
        assert remembered(decrypted(folder, tmp_path), filling) == ([KEPT], [KEPT])
    assert remembered(decrypted(folder, tmp_path), filling) == ([KEPT], [KEPT])
    assert (folder / "case.db").stat().st_size < before
    assert done.describe() == (
        "forgot 39 tracklets with 78 templates and 78 pictures; kept 1, the candidates of searches"
    )


def test_the_rest_of_the_case_is_whole_and_says_what_was_forgotten(
    folder: Path, keys: KeyStore, filling: Any
) -> None:
    fill(folder, filling)
    with open_case(folder, write=True) as case:
        assert not case_coverage(case, RECIPE).has_gaps
        forget_others(case, reason=" search finished ")
        (entry,) = entries(case)
        assert (entry["action"], entry["operation"], entry["reason"]) == (
            "forget",
            "erase",
            "search finished",
        )
        assert entry["details"] == {
            "erased": {"templates": 78, "pictures": 78},
            "tracklets": 39,
            "kept": 1,
        }
        assert list(entry["contents"]) == ["meta/forgotten/1"]
        assert isinstance(verify_audit(case), Verified)
        verify_case(case)
        assert stored_tracklet(case, KEPT + 1).slice == KEPT
        assert [row.tracklet_id for row in candidates_of(case, 1)] == [KEPT + 1]
        assert get_blob(case, "annoy", "stamp") is None
        coverage = case_coverage(case, RECIPE)
        assert coverage.has_gaps
        assert coverage.streams[0].problems == (
            f"others were forgotten on {datetime.now(UTC).date()}: 39 tracklets that were no candidate of a "
            "search, which no search can compare any more",
        )


def test_what_is_indexed_later_gets_new_numbers_and_is_counted_on_top(
    folder: Path, keys: KeyStore, filling: Any
) -> None:
    fill(folder, filling)
    with open_case(folder, write=True) as case:
        forget_others(case, reason="first")
        later = filling.stream(case, "cam2.mp4", "cd")
        filling.commit(case, later, 0, 1)
        ids = [row[0] for row in case.fetch_all("SELECT id FROM tracklets ORDER BY id")]
        assert ids == [KEPT + 1, MANY + 1, MANY + 2]
        search(case, MANY + 2)
        assert forget_others(case, reason="second") == Forgotten(1, 2, 2, 2)
        assert forget_others(case, reason="again") == Forgotten(0, 0, 0, 2)
        filling.commit(case, later, 2)
        assert case.fetch_all("SELECT max(id) FROM tracklets") == [(MANY + 3,)]
        verify_case(case)
        assert isinstance(verify_audit(case), Verified)


def test_the_evidence_of_candidates_stays(folder: Path, keys: KeyStore, filling: Any) -> None:
    fill(folder, filling, searched=False)
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    evidence = Evidence(1.5, "moderate support")
    rows = (CandidateRow("anna", 1, 0.9, 1, 0, True, evidence), CandidateRow("anna", 2, 0.3, 1, 0, False))
    with open_case(folder, write=True) as case:
        record_search(case, SearchRecord(moment, moment, RECIPE, {}, [], 0.5, "default", MANY, rows))
        assert forget_others(case, reason="x").kept == 2  # those that were listed below the threshold as well
        assert candidates_of(case, 1)[0].evidence == evidence


def test_without_a_search_or_a_reason_nobody_is_forgotten(folder: Path, keys: KeyStore, filling: Any) -> None:
    fill(folder, filling, searched=False)
    with open_case(folder, write=True) as case:
        with pytest.raises(CaseError, match="no search is recorded in it, so nobody is a candidate"):
            forget_others(case, reason="x")
        search(case)
        with pytest.raises(UsageError, match="reason: is empty"):
            forget_others(case, reason=" ")
        assert case.fetch_all("SELECT count(*) FROM tracklets") == [(MANY,)]
    with open_case(folder) as case, pytest.raises(ValueError, match="write=True"):
        forget_others(case, reason="x")


def test_another_reader_is_told_and_running_it_again_finishes_it(
    folder: Path, keys: KeyStore, filling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrofr.case._sqlite.BUSY_SECONDS", 0.1)
    fill(folder, filling)
    with open_case(folder) as reader, open_case(folder, write=True) as case:
        rows = reader.execute("SELECT id FROM tracklets ORDER BY id")
        next(rows)
        with pytest.raises(CaseBusyError, match="its log may still hold them"):
            forget_others(case, reason="x")
        assert case.fetch_all("SELECT count(*) FROM tracklets") == [(1,)]
        assert len(list(rows)) == MANY - 1
        assert forget_others(case, reason="x") == Forgotten(0, 0, 0, 1)
        assert case.path.with_name("case.db-wal").stat().st_size == 0


def test_a_search_that_overlapped_with_it_is_told_to_search_again(
    folder: Path, keys: KeyStore, filling: Any
) -> None:
    fill(folder, filling)
    with open_case(folder, write=True) as case:
        forget_others(case, reason="x")
        with pytest.raises(CaseBusyError, match="others were forgotten in it while it was searched"):
            search(case, KEPT + 1, 2)
        assert case.fetch_all("SELECT count(*) FROM searches") == [(1,)]
