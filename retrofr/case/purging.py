"""Destroys a case: first its key, then its files; what is left is a signed certificate and the log outside of cases.

What is going to be destroyed is counted and noted in the folder of the audit log before the key is. A purge that was
stopped or killed behind that goes on from the note when it is run again; before that, nothing had happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrofr.case.audit import Act, acting
from retrofr.case.audit_log import stored_count, verify_audit
from retrofr.case.keys import KeyStore, sync_folder
from retrofr.case.places import Places, read_label
from retrofr.case.retention import checked_reason, retention_of
from retrofr.case.store import Case, open_case
from retrofr.errors import CaseError, IntegrityError, OutputError, RefusedError, UsageError
from retrofr.events import Listener, ignore
from retrofr.oversight.certificate import certificates_folder, keep, make_certificate, read_certificate
from retrofr.oversight.findings import Findings
from retrofr.oversight.log import moment
from retrofr.oversight.operators import operator_key
from retrofr.oversight.outside import OutsideLog

_PENDING_SCHEMA = "retrofr.purge-note/1"
_COUNTED = {
    "exhibits": "SELECT count(*) FROM exhibits",
    "streams": "SELECT count(*) FROM streams",
    "tracklets": "SELECT count(*) FROM tracklets",
    "templates": "SELECT coalesce(sum(templates), 0) FROM tracklets",
    "face_pictures": "SELECT count(*) FROM face_pictures",
    "probe_pictures": "SELECT count(*) FROM probe_images",
    "searches": "SELECT count(*) FROM searches",
    "candidates": "SELECT count(*) FROM candidates",
    "verdicts": "SELECT count(*) FROM verdicts",
    "persons": "SELECT count(*) FROM people",
}


@dataclass(frozen=True)
class Purged:
    """A case that is no more.

    ``certificate`` are the fields of the signed certificate, ``paths`` where it lies. ``left`` are the names of what
    is still in the folder: retrofr did not write it there, and it may show faces. ``resumed``: a purge begun before
    was finished.
    """

    case_id: str
    name: str
    certificate: Mapping[str, Any]
    paths: tuple[Path, ...]
    left: tuple[str, ...]
    resumed: bool


def purge_case(
    path: str | Path,
    *,
    reason: str | None = None,
    authority: str | None = None,
    keys: KeyStore | None = None,
    certificate: Path | None = None,
    wait_seconds: float = 0.0,
    listener: Listener = ignore,
) -> Purged:
    """Destroy a case and its key, or finish a purge that was interrupted.

    Args:
        path: the case's folder, or its database.
        reason: why, in the operator's words.
        authority: reference of what it is done under; None is "not recorded".
        keys: by default the user's key store.
        certificate: where else the certificate is written; a new file, outside of the case's folder.
        wait_seconds: how long to wait for a process that is writing to the case.
        listener: is told what cannot be written down.

    Raises:
        RefusedError: the case is on hold; or the log outside of cases cannot be written to, so no proof would be left.
        CaseError: there is no case, or it cannot be opened, so that nobody knows whether it is on hold.
        CaseBusyError: another process is writing to it.
        OutputError: a certificate cannot be written, the key or a file cannot be taken away; run it again.
    """
    path, keys = Path(path), keys or KeyStore()
    operator_key()  # what could not be signed is not destroyed
    reason = None if reason is None else checked_reason(reason)
    note = _interrupted(path, keys)
    _check_target(certificate, path, None if note is None else note["case"]["id"])
    resumed = note is not None
    if note is None:
        note = _begin(path, keys, reason, authority, wait_seconds, listener)
    return _finish(note, keys, certificate, resumed, listener)


def _begin(
    path: Path, keys: KeyStore, reason: str | None, authority: str | None, wait: float, listener: Listener
) -> dict[str, Any]:
    """Count and note what is in the case, then destroy its key; gives the note."""
    with open_case(path, keys=keys, write=True, wait_seconds=wait, past_due=True) as case:
        case.require_writable()
        with acting(
            case, "purge", reason=reason, authority=authority, outside_required=True, listener=listener
        ) as act:
            _refuse_hold(case, act)
            note = _noted(case, act)
            keep(_note_path(case.id), json.dumps(note, indent=2).encode())
            act.outside_only, act.outcome = True, "begun"
            act.details["deleted"] = note["deleted"]
        keys.destroy(case.id)
    return note


def _refuse_hold(case: Case, act: Act) -> None:
    hold = retention_of(case).hold
    if hold is None:
        return
    act.details["violations"] = ["hold"]
    raise RefusedError(
        f"is on hold since {hold.since.date()} ({hold.reason}), so it is not destroyed",
        subject=str(case.path),
        hint="`retrofr case hold --case DIR --off --reason TEXT` takes it off",
    )


def _noted(case: Case, act: Act) -> dict[str, Any]:
    rows = case.fetch_all("SELECT sha256 FROM exhibits ORDER BY sha256")
    last = case.fetch_one("SELECT seq, entry FROM audit ORDER BY seq DESC LIMIT 1")
    retention = retention_of(case)
    return {
        "note": _PENDING_SCHEMA,
        "database": str(case.path.absolute()),
        "kind": "purge",
        "case": {"id": case.id, "name": case.name, "created": moment(case.created)},
        "reason": act.reason,
        "authority": act.authority,
        "begun": {"at": moment(act.started), "operator": act.operator.name},
        "retention": {
            "until": None if retention.until is None else str(retention.until),
            "past_due": retention.is_past_due(),
        },
        "deleted": {name: int(case.fetch_all(query)[0][0]) for name, query in _COUNTED.items()},
        "exhibit_digests": [row[0] for row in rows],
        "audit_log": {
            "entries": stored_count(case),
            "last_entry": None if last is None else {"seq": last[0], "digest": _digest_in(last[1])},
            "whole": not isinstance(verify_audit(case), Findings),
        },
    }


def _digest_in(entry: bytes) -> str | None:
    """What an entry says its digest is; None where it was altered beyond reading."""
    try:
        return str(json.loads(entry)["digest"])
    except (ValueError, KeyError, TypeError):
        return None


def _finish(
    note: dict[str, Any], keys: KeyStore, certificate: Path | None, resumed: bool, listener: Listener
) -> Purged:
    case_id, places = note["case"]["id"], Places(Path(note["database"]))
    keys.destroy(case_id)
    left = _remove_files(places)
    begun = datetime.fromisoformat(note["begun"]["at"])
    kept = certificates_folder() / f"purge-{case_id}-{begun:%Y%m%dT%H%M%S%f}.json"
    data = _certified(note, kept, len(left))
    if certificate is not None:
        keep(certificate, data)
    fields = read_certificate(kept)[0].fields
    _log_end(fields, data, resumed, listener)
    with contextlib.suppress(FileNotFoundError):
        _note_path(case_id).unlink()
    paths = (kept,) if certificate is None else (kept, certificate)
    return Purged(case_id, note["case"]["name"], fields, paths, left, resumed)


def _remove_files(places: Places) -> tuple[str, ...]:
    """Take away what retrofr wrote, and the folder where nothing else is in it; gives the names of what is."""
    try:
        for file in places.all:
            file.unlink(missing_ok=True)
        try:
            left = tuple(sorted(item.name for item in places.folder.iterdir()))
        except FileNotFoundError:
            return ()
        sync_folder(places.folder)
        if not left:
            places.folder.rmdir()
            sync_folder(places.folder.parent)
        return left
    except OSError as error:
        raise OutputError(
            f"cannot be taken away ({error.strerror}); its key is destroyed already",
            subject=str(error.filename or places.folder),
            hint="correct the permissions of the folder, then run `retrofr case purge` again",
        ) from error


def _certified(note: dict[str, Any], kept: Path, left: int) -> bytes:
    """The certificate, as it was made before where the purge was interrupted behind it."""
    if kept.exists():
        with contextlib.suppress(IntegrityError):
            return read_certificate(kept)[1]
    key = operator_key()
    told = {name: value for name, value in note.items() if name not in ("note", "database")}
    fields = told | {
        "operator": {"name": key.operator.name, "stated": key.operator.stated},
        "finished": moment(datetime.now(UTC)),
        "key": {
            "destroyed": True,
            "how": "overwritten once with random bytes and unlinked in the key store of this user",
            "not_reached": "copies of the key or the case that were made elsewhere",
        },
        "left_in_folder": left,
    }
    data = make_certificate(fields, key)
    keep(kept, data)
    return data


def _log_end(fields: Mapping[str, Any], data: bytes, resumed: bool, listener: Listener) -> None:
    digest = hashlib.sha256(data).hexdigest()
    entries = OutsideLog.of_user().entries()
    if any(e["action"] == "purge" and e["details"].get("certificate") == digest for e in entries):
        return  # it was interrupted behind this
    deleted = fields["deleted"]
    with acting(
        None,
        "purge",
        reason=fields["reason"],
        authority=fields["authority"],
        outside_required=True,
        listener=listener,
    ) as act:
        act.case_id = fields["case"]["id"]
        act.details |= {
            "erased": {
                "templates": deleted["templates"],
                "pictures": deleted["face_pictures"],
                "probes": deleted["probe_pictures"],
                "cases": 1,
            },
            "deleted": deleted,
            "exhibits_digest": _lines_digest(fields["exhibit_digests"]),
            "last_entry": fields["audit_log"]["last_entry"],
            "key_destroyed": True,
            "certificate": digest,
            "resumed": resumed,
        }


def _lines_digest(digests: list[str]) -> str:
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def _note_path(case_id: str) -> Path:
    return certificates_folder() / f"purge-{case_id}.note"


def _interrupted(path: Path, keys: KeyStore) -> dict[str, Any] | None:
    """The note of a purge of this case that had destroyed the key; where the key is still here, it begins anew."""
    places = Places(path if path.suffix == ".db" and not path.is_dir() else path / "case.db")
    label = None
    with contextlib.suppress(CaseError):
        label = read_label(places.label)
    for file in sorted(certificates_folder().glob("purge-*.note")):
        try:
            note: dict[str, Any] = json.loads(file.read_bytes())
            case_id = note["case"]["id"]
            same = case_id == label.id if label else note["database"] == str(places.database.absolute())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"is not the note of a purge ({error})", subject=str(file)) from error
        if same and keys.is_destroyed(case_id):
            return note | {"database": str(places.database.absolute())}
    return None


def _check_target(certificate: Path | None, path: Path, case_id: str | None) -> None:
    """Refuse what could not be written, before anything is destroyed."""
    if certificate is None:
        return
    folder = path if path.is_dir() or path.suffix != ".db" else path.parent
    if certificate.absolute().is_relative_to(folder.absolute()):
        raise UsageError("lies in the folder that is purged", subject=str(certificate))
    if certificate.exists() and not _is_of(certificate, case_id):
        raise OutputError("is there already", subject=str(certificate), hint="name another file")
    if not certificate.absolute().parent.is_dir():
        raise OutputError("its folder does not exist", subject=str(certificate))


def _is_of(certificate: Path, case_id: str | None) -> bool:
    try:
        return case_id is not None and read_certificate(certificate)[0].fields["case"]["id"] == case_id
    except IntegrityError:
        return False
