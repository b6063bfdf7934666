"""Runs the search of a bundle again, in a place that is gone afterwards, and says what differs.

The recordings are found by their SHA-256, the pictures of the probes are given and held against theirs. Weights and
settings must be those of the bundle. What is indexed lies in an encrypted case whose key is in memory alone.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retrofr.case.audit import Act, acting
from retrofr.case.keys import KeyStore, StoredKey
from retrofr.case.permitting import permit, permit_faces
from retrofr.case.store import create_case
from retrofr.disclosure.contents import PROBES, RUN, RecordedPicture, RecordedSearch, read_recorded
from retrofr.disclosure.differences import SCORE_TOLERANCE, Compared
from retrofr.disclosure.recordings import find_recordings, index_recordings
from retrofr.disclosure.searching_again import SearchAgain, threshold_of
from retrofr.disclosure.verifying import Verification, verify_bundle
from retrofr.errors import (
    EXIT_DIFFERS,
    EXIT_FINISHED,
    EXIT_GAPS,
    ExhibitError,
    IntegrityError,
    ModelError,
    RefusedError,
    UsageError,
)
from retrofr.events import Listener, Skipped, ignore
from retrofr.integrity import sha256_file
from retrofr.oversight.checking import Permission
from retrofr.oversight.details import models_of
from retrofr.probe_files import ProbePicture, ProbeSpec, parse_probe, probe_pictures
from retrofr.recipe import differences, recipe_of, setting_values
from retrofr.scoring import Scorer, build_scorer
from retrofr.selection import Selection
from retrofr.settings import IndexSettings, Settings

REPLAY_SCHEMA = "retrofr.replay/1"


@dataclass(frozen=True)
class Missing:
    """A recording, or part of what it needs, that was not replayed, and why."""

    name: str
    sha256: str
    reason: str


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Args:
        recorded: the search of the bundle.
        verification: of the bundle.
        compared: candidates held against each other, other differences included.
        tracklets: how many were compared this time.
        missing: recordings that were not replayed.
        device: what the nets ran on.
    """

    recorded: RecordedSearch
    verification: Verification
    compared: Compared
    tracklets: int
    missing: tuple[Missing, ...]
    device: str

    @property
    def exit_code(self) -> int:
        """1 where anything differs, else 10 where recordings are missing, else 0."""
        if self.compared.differences:
            return EXIT_DIFFERS
        return EXIT_GAPS if self.missing else EXIT_FINISHED


class _KeyInMemory(KeyStore):
    """Keeps no key anywhere: the case can be read by nobody once this process is gone."""

    def put(self, key: StoredKey) -> None:
        """See :meth:`KeyStore.put`; the open case has the key."""

    def remove(self, case_id: str) -> None:
        """See :meth:`KeyStore.remove`."""


def replay(
    bundle: Path,
    footage: Path,
    probes: Sequence[str | Path],
    *,
    device: str = "auto",
    index: IndexSettings | None = None,
    listener: Listener = ignore,
) -> Replay:
    """Run the search of a bundle again.

    Args:
        bundle: its folder; it is only read.
        footage: the folder below which its recordings lie, whatever they are called.
        probes: the pictures that were searched for, or folders of them, in any order.
        device: what to compute on.
        index: how the work is shared out; by default as indexing does.
        listener: is told what happens.

    Raises:
        IntegrityError: the bundle was altered, or a picture is none of its probes.
        UsageError: no bundle, no footage, a picture of a probe is missing.
        ModelError: weights or settings are others here than those of the bundle, or the device cannot be used.
        ExhibitError: none of the recordings is there.
        RefusedError: a policy or an authority of this machine does not allow it.
    """
    verification = verify_bundle(bundle)
    verification.require()
    recorded = read_recorded(bundle)
    told = {
        "bundle": verification.tag_manifest_sha256,
        "replayed_case": recorded.case_id,
        "replayed_search": recorded.search,
    }
    with acting(
        None, "replay", details=told, models=models_of(recorded.recipe.terms), listener=listener
    ) as act:
        settings, scorer = _same_settings(recorded, device, index or IndexSettings())
        pictures = _given_pictures(recorded, probes)
        permission = permit(
            None,
            act,
            selection=Selection(),
            detector=settings.detect.detector,
            embedder=settings.embed.embedder,
            probes=pictures,
            threshold=partial(threshold_of, settings, scorer),
            listener=listener,
        )
        _refuse_another_scope(permission, recorded)
        found, missing = _recordings(recorded, footage, listener)
        again = SearchAgain(recorded, settings, scorer, pictures, listener)
        with tempfile.TemporaryDirectory(prefix="retrofr-replay-") as place:
            compared, tracklets = _search_again(again, Path(place), found, missing, permission, act)
        act.details |= {
            "differences": len(compared.differences),
            "missing_recordings": len(missing),
            "compared": tracklets,
        }
    return Replay(recorded, verification, compared, tracklets, tuple(missing), again.device)


def _search_again(
    again: SearchAgain,
    place: Path,
    found: Mapping[str, Path],
    missing: list[Missing],
    permission: Permission,
    act: Act,
) -> tuple[Compared, int]:
    """Index and search in a place of its own; what cannot be read is added to what is missing."""
    recorded = again.recorded
    with create_case(place / "case", name="replay", keys=_KeyInMemory(place / "keys")) as case:
        failed = index_recordings(
            case, recorded.recipe, again.settings, found, recorded.exhibits, again.listener
        )
        missing += [_missing(recorded, sha256, reason) for sha256, reason in failed.items()]
        persons = again.probes()
        permit_faces(permission, act, persons)
        return again.search(case, persons, {each.sha256 for each in missing})


def _same_settings(recorded: RecordedSearch, device: str, index: IndexSettings) -> tuple[Settings, Scorer]:
    """The settings of the bundle, once the weights and all that decides here are the same.

    Raises:
        ModelError: they are not; what differs is named.
    """
    settings = Settings.from_mapping(setting_values(recorded.recipe))
    settings = dataclasses.replace(settings, search=recorded.settings, device=device, index=index)
    scorer = build_scorer(settings.embed.embedder, settings.parts)
    here = recipe_of(settings, scorer)
    if here.key != recorded.recipe.key:
        found = differences(recorded.recipe, here) or ["its digest: altered"]
        raise ModelError(
            f"weights or settings are others here than those of the bundle: {'; '.join(found)}",
            subject="replay",
            hint=f"install the versions that {RUN} names",
        )
    return settings, scorer


def _given_pictures(recorded: RecordedSearch, given: Sequence[str | Path]) -> tuple[ProbePicture, ...]:
    """The pictures of the probes in the order of the bundle, each with the face that was chosen.

    Raises:
        ProbeError: a picture cannot be read.
        IntegrityError: one is none of those of the bundle.
        UsageError: one of those is not given.
    """
    wanted = {picture.sha256: picture for picture in recorded.pictures}
    there: dict[str, Path] = {}
    if given:
        named = probe_pictures([parse_probe(Path(each)) for each in given])
        for path in (spec.path for specs in named.values() for spec in specs):
            digest = sha256_file(path)
            if digest not in wanted:
                raise IntegrityError(
                    f"is no picture of a probe of this search: its SHA-256 is {digest}",
                    subject=str(path),
                    hint=f"{PROBES} names them",
                )
            there[digest] = path
    lacking = [picture for picture in recorded.pictures if picture.sha256 not in there]
    if lacking:
        names = "; ".join(dict.fromkeys(_of_probe(picture) for picture in lacking))
        raise UsageError(
            f"pictures that were searched for are not in the bundle, and are not given: {names}",
            subject="--probe",
            hint="name each with --probe FILE; they are known by their SHA-256",
        )
    return tuple(
        ProbePicture(ProbeSpec(picture.probe, there[picture.sha256], picture.face), picture.sha256)
        for picture in recorded.pictures
    )


def _of_probe(picture: RecordedPicture) -> str:
    return f"{picture.file} of {picture.probe}, SHA-256 {picture.sha256}"


def _refuse_another_scope(permission: Permission, recorded: RecordedSearch) -> None:
    """A replay looks at all that the search looked at: an authority that is another one must not cover less."""
    if permission.selection.is_open or permission.reference == recorded.authority:
        return
    raise RefusedError(
        "a replay looks at all that the search looked at, and this authority limits the footage",
        subject=f"authority {permission.reference}, scope",
        hint=f"the search was done under: {recorded.authority or 'no authority that is recorded'}",
    )


def _recordings(
    recorded: RecordedSearch, footage: Path, listener: Listener
) -> tuple[dict[str, Path], list[Missing]]:
    found = find_recordings(footage, recorded.exhibits, listener)
    lacking = [each.sha256 for each in recorded.exhibits if each.sha256 not in found]
    missing = [_missing(recorded, sha256, f"is not below {footage}") for sha256 in lacking]
    if missing and not found:
        names = ", ".join(each.name for each in missing[:3])
        raise ExhibitError(
            f"none of the {len(missing):,} recordings of the bundle is there: {names}",
            subject=str(footage),
            hint="recordings are known by their SHA-256, not by their names",
        )
    for each in missing:
        listener(Skipped(each.name, f"{each.reason} (SHA-256 {each.sha256})", None))
    return found, missing


def _missing(recorded: RecordedSearch, sha256: str, reason: str) -> Missing:
    name = next(each.name for each in recorded.exhibits if each.sha256 == sha256)
    return Missing(name, sha256, reason)


def replay_document(replay: Replay) -> dict[str, Any]:
    """``retrofr replay --format json``."""
    compared, recorded = replay.compared, replay.recorded
    return {
        "schema": REPLAY_SCHEMA,
        "bundle": str(replay.verification.folder),
        "tagmanifest_sha256": replay.verification.tag_manifest_sha256,
        "case": recorded.case_id,
        "search": recorded.search,
        "differs": bool(compared.differences),
        "tolerance": {"score": SCORE_TOLERANCE, "seconds": 0},
        "candidates": len(recorded.candidates),
        "same_times": compared.pairs,
        "largest_score_difference": compared.largest,
        "filled_places": compared.filled,
        "compared": {"bundle": recorded.compared, "replay": replay.tracklets},
        "device": replay.device,
        "differences": [
            {"kind": d.kind, "sentence": d.sentence, "bundle": d.before, "replay": d.now}
            for d in compared.differences
        ],
        "missing": [dataclasses.asdict(each) for each in replay.missing],
    }
