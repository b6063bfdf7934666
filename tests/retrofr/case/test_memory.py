"""What a case remembers beside footage: probes, searches, runs, large bytes; and what it is said to hold."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fakes
from retrofr.case import (
    CandidateRow,
    Case,
    KeyStore,
    SearchRecord,
    blob_keys,
    blobs,
    candidates_of,
    create_case,
    drop_blobs,
    find_probe_image,
    finish_run,
    finish_stream,
    get_blob,
    open_case,
    probe_picture,
    put_blob,
    put_probe_image,
    record_search,
    searches,
    start_run,
)
from retrofr.case.describe import describe_case
from retrofr.case.finding import find_cases
from retrofr.errors import CaseBusyError, CaseError
from retrofr.records import Evidence, ProbeImage

RECIPE = "a" * 64


def image(value: float = 1.0) -> ProbeImage:
    box = np.array([1, 2, 30, 40], np.float32)
    return ProbeImage(Path("anna.jpg"), "ee" * 32, box, fakes.quality(), np.full(3, value, np.float32))


def test_a_probe_is_embedded_once(case: Case) -> None:
    first = put_probe_image(case, image(), None, "sface", b"jpeg")
    assert put_probe_image(case, image(2.0), None, "sface", None) == first
    assert put_probe_image(case, image(3.0), 2, "sface", None) != first
    found = find_probe_image(case, "ee" * 32, None, "sface")
    assert found is not None
    assert found.template.tolist() == [2.0, 2.0, 2.0]
    assert (found.path, found.quality) == (Path("anna.jpg"), fakes.quality())
    assert probe_picture(case, "ee" * 32, None, "sface") == b"jpeg"
    assert probe_picture(case, "ee" * 32, 2, "sface") is None
    assert find_probe_image(case, "ee" * 32, 1, "sface") is None
    assert find_probe_image(case, "ee" * 32, None, "other") is None


def search_record(*candidates: CandidateRow) -> SearchRecord:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    return SearchRecord(
        started=at,
        finished=at,
        recipe_key=RECIPE,
        settings={"top": 20, "threshold": None},
        probes=[{"name": "anna", "images": ["ee" * 32]}],
        threshold=0.37,
        threshold_source="given",
        compared=12,
        candidates=candidates,
        index={"index": "exact", "why": "few"},
        run={"seconds": 1.5},
    )


def test_a_search_is_remembered_with_its_candidates(case: Case, filling: Any) -> None:
    filling.commit(case, filling.stream(case), 0, 1)
    rows = (CandidateRow("änna", 2, 0.1 + 0.2, 3, 1, True), CandidateRow("änna", 1, 0.25, 0, 0, False))
    one, two = record_search(case, search_record(*rows)), record_search(case, search_record())
    assert candidates_of(case, one) == list(rows)
    assert candidates_of(case, two) == []
    assert searches(case) == [
        dataclasses.replace(search_record(), id=one),
        dataclasses.replace(search_record(), id=two),
    ]


def test_what_a_score_is_worth_is_remembered(case: Case, filling: Any) -> None:
    filling.commit(case, filling.stream(case), 0, 1)
    rows = (
        CandidateRow("anna", 2, 4.5, 3, 1, True, Evidence(2.5, "strong", at_bound=True)),
        CandidateRow("anna", 1, 0.25, 0, 0, False, Evidence(None, reason="not validated for this condition")),
        CandidateRow("anna", 1, 0.2, 0, 0, False),
    )
    one = record_search(case, search_record(*rows))
    two = record_search(case, search_record(*(dataclasses.replace(row, evidence=None) for row in rows)))
    assert candidates_of(case, one) == list(rows)
    assert {row.evidence for row in candidates_of(case, two)} == {None}


def test_a_search_with_a_candidate_that_is_not_there_is_not_kept(case: Case, filling: Any) -> None:
    filling.stream(case)
    with pytest.raises(CaseBusyError, match="one of them is a candidate of this search"):
        record_search(case, search_record(CandidateRow("anna", 7, 0.5, 1, 0, True)))
    assert searches(case) == []


def test_a_run_that_was_killed_has_no_end(case: Case) -> None:
    first = start_run(case, "retrofr index", {"retrofr": "0.1", "openvino": "2025.2"})
    start_run(case, "retrofr index", {})
    finish_run(case, first)
    rows = case.fetch_all("SELECT command, software, finished IS NULL FROM runs ORDER BY id")
    assert rows == [
        ("retrofr index", '{"openvino":"2025.2","retrofr":"0.1"}', 0),
        ("retrofr index", "{}", 1),
    ]


# ---- large bytes -------------------------------------------------------------------------------------------------


def test_large_bytes_come_back_in_chunks(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "CHUNK_BYTES", 1000)
    data = os.urandom(4321)
    pieces = [data[:1], data[1:1], data[1:2900], data[2900:]]
    put_blob(case, "annoy", "key", pieces)
    read = get_blob(case, "annoy", "key")
    assert read is not None
    chunks = list(read)
    assert b"".join(chunks) == data
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 1000, 1000, 321]
    assert get_blob(case, "annoy", "other") is None


def test_large_bytes_are_replaced_and_dropped(case: Case) -> None:
    for key, data in (("one", b"1"), ("two", b"2"), ("one", b"3")):
        put_blob(case, "annoy", key, [data])
    put_blob(case, "means", "one", [b"means"])
    assert list(get_blob(case, "annoy", "one") or ()) == [b"3"]
    drop_blobs(case, "annoy", but="two")
    assert (blob_keys(case, "annoy"), blob_keys(case, "means")) == (["two"], ["one"])
    drop_blobs(case, "annoy")
    assert blob_keys(case, "annoy") == []
    assert case.fetch_all("SELECT count(*) FROM blob_chunks") == [(1,)]


def test_bytes_replaced_while_they_are_read(case: Case) -> None:
    put_blob(case, "annoy", "key", [b"old"])
    reading = get_blob(case, "annoy", "key")
    put_blob(case, "annoy", "key", [b"new"])
    with pytest.raises(CaseError, match="the annoy kept in it was replaced while it was read"):
        list(reading or ())


def test_a_source_that_fails_leaves_the_bytes_before(case: Case) -> None:
    put_blob(case, "annoy", "key", [b"old"])

    def failing() -> Any:
        yield b"new"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        put_blob(case, "annoy", "key", failing())
    assert list(get_blob(case, "annoy", "key") or ()) == [b"old"]


# ---- what is in it -----------------------------------------------------------------------------------------------


def test_a_case_is_described(case: Case, filling: Any) -> None:
    finished, begun = filling.stream(case), filling.stream(case, "cam2.mp4", "cd")
    filling.commit(case, finished, 0, 1)
    finish_stream(case, finished.id, filling.coverage())
    filling.commit(case, begun, 0)
    filling.stream(case, recipe=filling.other_recipe)
    record_search(case, search_record())
    put_probe_image(case, image(), None, "sface", None)
    case.execute("INSERT INTO people_tracklets VALUES (?, 1, 7, 0.5), (?, 2, 7, 0.5)", ("b" * 64, "b" * 64))
    facts = describe_case(case)
    assert (facts.tracklets, facts.templates, facts.face_pictures, facts.picture_bytes) == (3, 6, 6, 36)
    assert (facts.searches, facts.probe_images, facts.people) == (1, 1, 1)
    assert [(e.name, e.unfinished) for e in facts.exhibits] == [
        ("cam1.mp4", ("stream 0 is not indexed yet",)),
        ("cam2.mp4", ("stream 0 is indexed to 0:00:05.000",)),
    ]
    first, second = facts.recipes
    assert (first.exhibits, first.unfinished, first.searched_seconds) == (1, 1, Fraction(65))
    assert (first.tracklets, first.templates, first.active, first.has_gaps) == (3, 6, False, True)
    assert (second.exhibits, second.unfinished, second.active) == (0, 1, True)


def test_cases_are_found_without_opening_them(tmp_path: Path, keys: KeyStore) -> None:
    with create_case(tmp_path / "a" / "one") as one, create_case(tmp_path / "a" / "two") as two:
        pass
    with create_case(tmp_path / "elsewhere") as third:
        pass
    keys.remove(two.id)
    (tmp_path / "a" / "three").mkdir()
    (tmp_path / "a" / "three" / "case.db").write_bytes(b"?")
    found = find_cases([tmp_path / "a", tmp_path / "a" / "one"])
    assert [(c.name, c.has_key, c.here, c.problem) for c in found if c.id != third.id] == [
        ("one", True, True, None),
        ("", False, True, "its label case.json is missing"),
        ("two", False, True, None),
    ]
    assert {c.id for c in found} == {one.id, two.id, third.id, None}
    (tmp_path / "elsewhere" / "case.db").unlink()
    (gone,) = [c for c in find_cases([tmp_path / "a" / "three"]) if not c.here]
    assert (gone.id, gone.name, gone.path, gone.here) == (
        third.id,
        "elsewhere",
        tmp_path / "elsewhere",
        False,
    )
    with pytest.raises(CaseError, match="no such folder"):
        find_cases([tmp_path / "nowhere"])


# ---- nothing in the clear ------------------------------------------------------------------------------------------

SECRETS = """
import dataclasses, os, sys, runpy, time
from pathlib import Path
import numpy as np
from retrofr.case import *
parts = runpy.run_path(sys.argv[1])
filling = parts["Filling"]()
picture = b"\\xff\\xd8" + b"PICTURE-OF-A-FACE" * 3000
pattern = np.frombuffer(b"TEMPLATE-PATTERN" * 3, np.float32)
case = open_case(Path(sys.argv[2]), write=True)
stream = filling.stream(case)
def commit(number):
    tracklet = dataclasses.replace(filling.tracklet(1, number, 4), templates=pattern.reshape(4, 3))
    commit_slice(case, stream.id, filling.slice(number, tracklet, jpeg=picture))
for number in range(40):
    commit(number)
put_blob(case, "annoy", "key", [b"TEMPLATE-PATTERN" * 100_000])
case.fetch_all("SELECT jpeg FROM face_pictures ORDER BY hex(jpeg), id DESC")    # sorts more than memory is given
case.fetch_all("PRAGMA wal_checkpoint(FULL)")
commit(40)
with case.transaction():
    case.execute("CREATE TEMP TABLE t AS SELECT * FROM face_pictures")
    commit(41)
    print("open", flush=True)
    time.sleep(60)
"""


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_requirement_27_nothing_of_a_face_is_ever_on_the_disk_in_the_clear(
    case: Case, folder: Path, tmp_path: Path, keys: KeyStore, start_script: Callable[..., Any]
) -> None:
    case.close()
    scratch = tmp_path / "scratch"
    places = {name: str(scratch / name) for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME")}
    for place in places.values():
        Path(place).mkdir(parents=True)
    process = start_script(
        SECRETS, Path(__file__).with_name("conftest.py"), folder, SQLITE_TMPDIR=places["TMPDIR"], **places
    )
    assert process.stdout.readline() == "open\n", process.stderr.read()

    def scan(moment: str, names: set[str]) -> None:
        files = files_below(folder, scratch, keys.folder)
        assert names <= {path.name for path in files}, moment
        for path in files:
            data = path.read_bytes()
            for secret in (b"PICTURE-OF-A-FACE", b"TEMPLATE-PATTERN", b"cam1.mp4", b"too small"):
                assert secret not in data, f"{moment}: {secret!r} in {path}"

    scan("while it is open", {"case.db", "case.db-wal", "case.db-shm"})
    held = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert [path for path in held if "deleted" in path or path.startswith(("/tmp/etilqs", "/var/tmp"))] == []
    process.kill()
    process.wait()
    scan("after it was killed", {"case.db", "case.db-wal"})
    with open_case(folder) as again:
        found = again.fetch_all("SELECT count(*) FROM face_pictures WHERE instr(jpeg, 'PICTURE-OF-A-FACE')")
        assert found == [(41 * 4,)]  # the transaction in flight is lost, and nothing else
    scan("after it was closed", {"case.db", "case.json", "case.lock"})
    assert files_below(scratch) == []
