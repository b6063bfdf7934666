"""Whether a bundle is as it was signed: its form, the signature, every file, and the chain of its audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrofr.disclosure.bag import (
    DECLARATION,
    DECLARED,
    INFO,
    LISTED_TAGS,
    MANIFEST,
    SIGNATURE,
    TAG_MANIFEST,
    BagFile,
    files_of,
    parse_manifest,
    read_tag,
)
from retrofr.disclosure.contents import ALWAYS, AUDIT, AUDIT_HEADS, RUN
from retrofr.disclosure.signing import Signed, read_signature
from retrofr.errors import ExhibitError, IntegrityError
from retrofr.integrity import sha256_bytes, sha256_file
from retrofr.oversight.findings import Findings, Stored
from retrofr.oversight.operators import known_keys
from retrofr.oversight.verifying import verify_log

VERIFICATION_SCHEMA = "retrofr.verification/1"
GIVEN, HERE, UNKNOWN = "given", "on this machine", "unknown"
_MOST_TOLD = 20


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Args:
        what: in a word or two.
        sentence: what was found.
        altered: names of files that are not as they were; empty where it holds.
    """

    what: str
    sentence: str
    altered: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was altered."""
        return not self.altered


@dataclass(frozen=True)
class Verification:
    """What came of checking a bundle.

    Args:
        folder: of it.
        checks: in their order; after the first that does not hold, what rests on it is not checked.
        signed: who signed it; None where that could not be read.
        key: how the key is known: ``given``, ``on this machine`` or ``unknown``.
        tag_manifest_sha256: the digest that stands for the whole bundle; empty where that could not be read.
        notes: what the check cannot tell, a sentence each.
    """

    folder: Path
    checks: tuple[Check, ...]
    signed: Signed | None = None
    key: str = UNKNOWN
    tag_manifest_sha256: str = ""
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was altered."""
        return all(check.holds for check in self.checks)

    def require(self) -> None:
        """Raise an IntegrityError that names the first file that was altered, if any was."""
        for check in self.checks:
            if not check.holds:
                more = len(check.altered) - 1
                others = f"; {more:,} more: {', '.join(check.altered[1:_MOST_TOLD])}" if more else ""
                raise IntegrityError(
                    f"{check.sentence}{others}",
                    subject=str(self.folder / check.altered[0]),
                    hint="ask for the bundle again, and keep this one as it is",
                )


def verify_bundle(folder: Path, key: str | None = None) -> Verification:
    """Check a bundle. It is only read.

    Args:
        folder: of the bundle.
        key: the public key that must have signed it, 64 hexadecimal digits; None for any.

    Raises:
        UsageError: it is no folder, or cannot be read.
        CaseError: the key of an operator on this machine cannot be read.
    """
    state = _State(folder, key)
    try:
        state.run()
    except IntegrityError as error:
        name = error.subject or TAG_MANIFEST
        state.checks.append(Check(state.step, error.reason, (name,)))
    return Verification(
        folder,
        tuple(state.checks),
        state.signed,
        state.known,
        state.tag_manifest_sha256,
        tuple(state.notes),
    )


class _State:
    """A check in progress."""

    def __init__(self, folder: Path, key: str | None) -> None:
        self.step = "form"
        self.checks: list[Check] = []
        self.notes: list[str] = []
        self.signed: Signed | None = None
        self.known = UNKNOWN
        self.tag_manifest_sha256 = ""
        self._folder, self._key = folder, key
        self._files: dict[str, BagFile] = {}

    def run(self) -> None:
        self._files = files_of(self._folder)
        tags = {name: read_tag(self._files, name) for name in (*LISTED_TAGS, TAG_MANIFEST, SIGNATURE)}
        self.step = "signature"
        self._signature(tags)
        self.step = "tag files"
        self._tags(tags)
        self.step = "payload"
        if self._payload(parse_manifest(tags[MANIFEST], MANIFEST), tags[INFO]):
            self.step = "audit log"
            self._audit()

    def _signature(self, tags: Mapping[str, bytes]) -> None:
        self.signed = signed = read_signature(tags[SIGNATURE])
        self.tag_manifest_sha256 = sha256_bytes(tags[TAG_MANIFEST])
        if self.tag_manifest_sha256 != signed.tag_manifest_sha256:
            raise IntegrityError("is not the one that was signed", subject=TAG_MANIFEST)
        if self._key is not None and signed.key != self._key:
            raise IntegrityError(
                f"was made with the key {signed.key}, not with {self._key}", subject=SIGNATURE
            )
        here = [name for name, known in known_keys().items() if known == signed.key]
        self.known = GIVEN if self._key is not None else HERE if here else UNKNOWN
        sentence = f"made by {signed.operator.describe()} on {signed.at} with the key {signed.key}"
        self.checks.append(Check("signature", sentence))
        self.notes.append(
            {
                GIVEN: "the key is the one that was given with --key",
                HERE: f"the key is that of the operator {', '.join(here)} on this machine",
                UNKNOWN: "the key is not known here: whoever holds it vouches for the bundle, and nothing in the "
                "bundle says who that is; ask the operator for the key in another way, and give it with --key",
            }[self.known]
        )

    def _tags(self, tags: Mapping[str, bytes]) -> None:
        listed = parse_manifest(tags[TAG_MANIFEST], TAG_MANIFEST)
        if sorted(listed) != sorted(LISTED_TAGS):
            raise IntegrityError("does not list the tag files of a bundle", subject=TAG_MANIFEST)
        altered = [name for name in LISTED_TAGS if sha256_bytes(tags[name]) != listed[name]]
        if altered:
            raise IntegrityError(
                "was altered: its SHA-256 is not the one that was signed", subject=altered[0]
            )
        if tags[DECLARATION] != DECLARED:
            raise IntegrityError("declares no bag of BagIt 1.0", subject=DECLARATION)
        self.checks.append(Check("tag files", f"{', '.join(LISTED_TAGS)} are as they were signed"))

    def _payload(self, listed: Mapping[str, str], info: bytes) -> bool:
        there = {name for name in self._files if name not in (*LISTED_TAGS, TAG_MANIFEST, SIGNATURE)}
        for sentence, names in (
            ("is missing", [*(set(listed) - there), *(set(ALWAYS) - set(listed))]),
            ("is not listed in the manifest: it was added", there - set(listed)),
            ("was altered: its SHA-256 is not the one in the manifest", self._altered(listed, there)),
        ):
            if names:
                self.checks.append(Check("payload", sentence, tuple(sorted(names))))
        total = sum(self._files[name].size_bytes for name in set(listed) & there)
        if not self._found_wrong and f"Payload-Oxum: {total}.{len(listed)}\n".encode() not in info:
            raise IntegrityError("gives another size of the payload than it has", subject=INFO)
        if not self._found_wrong:
            noun = "file is" if len(listed) == 1 else "files are"
            self.checks.append(
                Check("payload", f"{len(listed):,} {noun} as they were signed, none is missing or added")
            )
        return not self._found_wrong

    @property
    def _found_wrong(self) -> bool:
        return any(not check.holds for check in self.checks)

    def _altered(self, listed: Mapping[str, str], there: set[str]) -> list[str]:
        found = []
        for name in sorted(set(listed) & there):
            try:
                digest = sha256_file(self._files[name].path)
            except ExhibitError as error:
                raise IntegrityError(error.reason, subject=name) from error
            if digest != listed[name]:
                found.append(name)
        return found

    def _audit(self) -> None:
        """The chain of the case's log, as it was when the bundle was made."""
        entries, heads = (_lines(self._folder / name) for name in (AUDIT, AUDIT_HEADS))
        case = _case_of(self._folder / RUN)
        numbers = [Stored(line, number) for number, line in enumerate(entries, start=1)]
        result = verify_log(numbers, [Stored(line) for line in heads], log=case, known_keys=known_keys())
        if isinstance(result, Findings):
            told = (AUDIT_HEADS if "head" in result.first.kind else AUDIT,)
            self.checks.append(Check("audit log", f"does not hold: {result.first.sentence}", told))
            return
        self.checks.append(
            Check("audit log", f"{_entries(result.entries)} in one chain, head {result.last_digest}")
        )
        signers = [note for note in result.notes if not note.startswith("signed with the key")]
        self.notes += signers


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _case_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["case"]["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"is no document of a bundle ({error})", subject=RUN) from error


def verification_document(verification: Verification) -> dict[str, Any]:
    """``retrofr verify --format json``."""
    signed = verification.signed
    return {
        "schema": VERIFICATION_SCHEMA,
        "bundle": str(verification.folder),
        "whole": verification.holds,
        "tagmanifest_sha256": verification.tag_manifest_sha256 or None,
        "signed": None
        if signed is None
        else {
            "operator": signed.operator.describe(),
            "at": signed.at,
            "public_key": signed.key,
            "known": verification.key,
        },
        "checks": [
            {"what": c.what, "holds": c.holds, "sentence": c.sentence, "altered": list(c.altered)}
            for c in verification.checks
        ],
        "notes": list(verification.notes),
    }
