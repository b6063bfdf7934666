"""After a purge there is no case, no key and no byte of a face; a certificate and the log outside tell of it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fakes
from retrofr.case import (
    Case,
    KeyStore,
    SearchRecord,
    commit_slice,
    create_case,
    open_case,
    put_probe_image,
    record_search,
)
from retrofr.case.audit import acting
from retrofr.case.audit_log import verify_outside
from retrofr.case.purging import Purged, purge_case
from retrofr.case.retention import set_hold
from retrofr.case.searches import CandidateRow
from retrofr.errors import CaseError, IntegrityError, OutputError, RefusedError, UsageError
from retrofr.oversight.certificate import read_certificate, verify_certificate
from retrofr.oversight.findings import Verified
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.summary import summarise, summary_document
from retrofr.records import ProbeImage

SEED = 12345.678


@pytest.fixture(autouse=True)
def operator(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")


def fill(folder: Path, filling: Any) -> tuple[str, list[bytes]]:
    """A case with three tracklets, a probe and a search; gives its id and every secret that is in it."""
    face, probe = os.urandom(5000), os.urandom(3000)
    with create_case(folder, name="Harbour") as made:
        stream = filling.stream(made)
        secrets = [face, probe]
        for number in range(3):
            tracklet = filling.tracklet(1, number, seed=SEED + number)
            secrets.append(np.ascontiguousarray(tracklet.templates, "<f4").tobytes())
            commit_slice(made, stream.id, filling.slice(number, tracklet, jpeg=face))
        box = np.array([0, 0, 9, 9], np.float32)
        image = ProbeImage(
            Path("anna.jpg"), "ee" * 32, box, fakes.quality(), np.full(3, SEED / 7, np.float32)
        )
        secrets.append(np.ascontiguousarray(image.template, "<f4").tobytes())
        put_probe_image(made, image, None, "c" * 64, probe)
        moment = datetime(2030, 1, 1, tzinfo=UTC)
        rows = (CandidateRow("anna", 1, 0.9, 1, 0, True),)
        with acting(made, "search"):
            record_search(made, SearchRecord(moment, moment, "a" * 64, {}, [], 0.5, "default", 3, rows))
        secrets.append(KeyStore().get(made.id).key)  # type: ignore[union-attr]
        secrets.append(secrets[-1].hex().encode())
        return made.id, secrets


def found_in(folder: Path, secrets: list[bytes]) -> list[str]:
    """Files below a folder that hold one of these, or a part of it."""
    parts = [secret[at : at + 12] for secret in secrets for at in range(0, len(secret) - 11, 12)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(part in path.read_bytes() for part in parts)]


def outside(action: str) -> list[dict[str, Any]]:
    return [entry for entry in OutsideLog.of_user().entries() if entry["action"] == action]


def check_gone(done: Purged, case_id: str, folder: Path, everything: Path, secrets: list[bytes]) -> None:
    """That nothing is left but what proves it."""
    assert not folder.exists()
    assert KeyStore().get(case_id) is None
    assert found_in(everything, secrets) == []
    with pytest.raises(CaseError, match="there is no such case"):
        open_case(folder)
    assert isinstance(verify_outside(), Verified)
    assert not list((everything / "audit" / "certificates").glob("*.note"))
    (end,) = [entry for entry in outside("purge") if entry["outcome"] == "done"]
    assert (end["case"], end["operation"]) == (case_id, "erase")
    assert end["details"]["erased"] == {"templates": 6, "pictures": 6, "probes": 1, "cases": 1}
    fields = read_certificate(done.paths[0])[0].fields
    assert fields["deleted"] == {
        "exhibits": 1,
        "streams": 1,
        "tracklets": 3,
        "templates": 6,
        "face_pictures": 6,
        "probe_pictures": 1,
        "searches": 1,
        "candidates": 1,
        "verdicts": 0,
        "persons": 0,
    }
    assert fields["exhibit_digests"] == ["ab" * 32]
    assert fields["case"]["name"] == "Harbour"
    assert fields["key"]["destroyed"] is True


def test_requirement_28_purge_destroys_and_proves(folder: Path, tmp_path: Path, filling: Any) -> None:
    case_id, secrets = fill(folder, filling)
    assert found_in(tmp_path, secrets) == [
        str(tmp_path / "keys" / f"{case_id}.json")
    ]  # the scan finds the key
    (told,) = outside("search")
    done = purge_case(folder, reason=" retention ended ", certificate=tmp_path / "proof.json")
    check_gone(done, case_id, folder, tmp_path, secrets)
    certificate = read_certificate(tmp_path / "proof.json")[0].fields
    assert done.paths == (done.paths[0], tmp_path / "proof.json")
    assert (certificate["reason"], certificate["operator"]) == (
        "retention ended",
        {"name": "A. Smith", "stated": True},
    )
    assert certificate["audit_log"] == {"entries": 1, "last_entry": told["case_entry"], "whole": True}
    assert [entry["outcome"] for entry in outside("purge")] == ["begun", "done"]
    assert (done.left, done.resumed) == ((), False)
    summary = summary_document(summarise(OutsideLog.of_user().entries()))
    assert '"cases": 1' in json.dumps(summary["total"]["erased"])


def test_requirement_28_a_copy_of_the_file_is_unreadable_then(
    folder: Path, tmp_path: Path, filling: Any
) -> None:
    fill(folder, filling)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("case.db", "case.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    purge_case(folder)
    with pytest.raises(CaseError, match="its key is not in the key store"):
        open_case(copy)


def test_what_others_wrote_in_the_folder_stays_and_is_named(folder: Path, filling: Any) -> None:
    fill(folder, filling)
    (folder / "notes.txt").write_text("mine")
    (folder / "policy.toml").write_text("")
    done = purge_case(folder)
    assert done.left == ("notes.txt",)
    assert done.certificate["left_in_folder"] == 1
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_hold_forbids_it_and_the_denial_is_logged(folder: Path, filling: Any) -> None:
    case_id, _ = fill(folder, filling)
    with open_case(folder) as case:
        set_hold(case, True, "court order 12/4")
    with pytest.raises(
        RefusedError, match=r"is on hold since .* \(court order 12/4\), so it is not destroyed"
    ):
        purge_case(folder)
    (entry,) = outside("denied")
    assert (entry["outcome"], entry["details"]["asked"], entry["details"]["violations"]) == (
        "refused",
        "purge",
        ["hold"],
    )
    with open_case(folder) as case:
        assert case.id == case_id
        set_hold(case, False, "order lifted")
    assert purge_case(folder).case_id == case_id


def test_without_a_place_for_the_proof_nothing_is_destroyed(
    folder: Path, tmp_path: Path, filling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, filling)
    (tmp_path / "file").write_text("")
    with monkeypatch.context() as patch:
        patch.setenv("RETROFR_AUDIT", str(tmp_path / "file" / "audit"))
        with pytest.raises(RefusedError, match="the audit log outside of cases cannot be written to"):
            purge_case(folder)
    (tmp_path / "proof.json").write_text("mine")
    for target, kind in (
        (tmp_path / "proof.json", OutputError),
        (folder / "proof.json", UsageError),
        (tmp_path / "nowhere" / "proof.json", OutputError),
    ):
        with pytest.raises(kind):
            purge_case(folder, certificate=target)
    open_case(folder).close()


def test_another_writer_is_not_cut_off(case: Case, folder: Path) -> None:
    with pytest.raises(CaseError, match="another process is writing to it"):
        purge_case(folder)
    assert KeyStore().get(case.id) is not None


def kill_at(step: int, purge: Callable[[], object]) -> bool:
    """Run a purge in a process that dies before its ``step``-th write, rename, sync or removal; whether it died."""
    child = os.fork()
    if child == 0:
        count = 0

        def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal count
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                return real(*arguments, **options)

            return call

        for name in ("unlink", "replace", "rename", "rmdir", "fsync", "write"):
            setattr(os, name, deadly(getattr(os, name)))
        try:
            purge()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("steps", [range(6, 100, 12), pytest.param(range(100), marks=pytest.mark.slow)])
def test_one_that_was_killed_is_finished_by_running_it_again(
    steps: range, tmp_path: Path, filling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed, tried = 0, 0
    for step in steps:
        place = tmp_path / str(step)
        place.mkdir()
        monkeypatch.setenv("RETROFR_KEYS", str(place / "keys"))
        monkeypatch.setenv("RETROFR_AUDIT", str(place / "audit"))
        case_id, secrets = fill(place / "harbour", filling)
        if not kill_at(step, lambda at=place: purge_case(at / "harbour")):  # type: ignore[misc]
            break
        tried += 1
        try:
            done = purge_case(place / "harbour")
        except CaseError:  # it had come to its end
            assert not list((place / "audit" / "certificates").glob("*.note"))
            assert KeyStore().get(case_id) is None
            continue
        resumed += done.resumed
        check_gone(done, case_id, place / "harbour", place, secrets)
    assert tried > 30 // steps.step
    assert resumed > 10 // steps.step


def test_requirement_28_a_certificate_that_was_altered_is_told(folder: Path, filling: Any) -> None:
    fill(folder, filling)
    data = purge_case(folder, reason="ended").paths[0].read_bytes()
    assert verify_certificate(data).fields["reason"] == "ended"
    with pytest.raises(IntegrityError, match="its signature does not fit"):
        verify_certificate(data.replace(b'"ended"', b'"other"'))
    twice = data.replace(b'  "reason": "ended"', b'  "reason": "other",\n  "reason": "ended"')
    for altered in (data[:-1], data + b" ", twice, b"{}", b"\xff"):
        with pytest.raises(IntegrityError, match="is not a certificate of retrofr, or was altered"):
            verify_certificate(altered)
