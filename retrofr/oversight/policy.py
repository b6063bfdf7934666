"""Policies: what an organisation demands of every search, and what follows where several apply.

A policy is a TOML file; ``docs/authority.md`` has every field. The strictest demand of all that apply counts, so that
no policy can be loosened by another: those of the machine, of the variable RETROFR_POLICY, of the user and of the case.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from retrofr.errors import UsageError
from retrofr.oversight.toml_records import Fields

POLICY_VARIABLE = "RETROFR_POLICY"
FILE_NAME = "policy.toml"
TEMPLATES = ("open", "uk-police-rfr", "eu-ai-act-26-10")

REQUIRABLE = {
    "authority": "an authority that is recorded and valid",
    "operator": "an operator who is named, not merely the system's user",
    "reason": "a reason in the operator's words",
    "probe_record": "a record of where each picture of a probe came from",
    "outside_log": "an audit log outside of cases that can be written to",
}
"""What a policy can demand to be there, and what that is."""


@dataclass(frozen=True)
class Policy:
    """What is demanded; None, empty and False demand nothing.

    Args:
        require: words of ``REQUIRABLE``.
        reviewers: how many examiners must conclude the same before a candidate is more than a lead.
        min_eye_distance: least distance between the eyes in a picture of a probe, in pixels of that picture.
        maximum_fmr: highest false-match rate at the threshold, as measured for the embedder; a threshold whose
            rate is not known is refused as well.
        retention_days: longest time from the making of a case until it must be purged.
        embedders, detectors: those that may be used; None for all.
        max_probes: most persons that may be looked for in one search.
        forget_others: templates and pictures of those who are no candidates are removed after a search in a case.
        probe_expiry_days: how long after it was added a picture may be used.
        sources: by the name of a demand, the file it comes from.
        files: name, version and SHA-256 of each file that applies, by its path.
    """

    require: tuple[str, ...] = ()
    reviewers: int | None = None
    min_eye_distance: float | None = None
    maximum_fmr: float | None = None
    retention_days: int | None = None
    embedders: tuple[str, ...] | None = None
    detectors: tuple[str, ...] | None = None
    max_probes: int | None = None
    forget_others: bool = False
    probe_expiry_days: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def demands(self) -> dict[str, Any]:
        """What is demanded, by name; each word of ``require`` stands for itself."""
        words = dict.fromkeys(self.require, True)
        values = {name: getattr(self, name) for name in _STRICTER}
        return words | {name: value for name, value in values.items() if value not in (None, False)}

    def source(self, name: str) -> str:
        """The file that makes a demand."""
        return self.sources.get(name, "policy")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: every demand with its value and its file, and the files."""
        demands = {
            name: {"value": list(value) if isinstance(value, tuple) else value, "file": self.source(name)}
            for name, value in self.demands.items()
        }
        return {"demands": demands, "files": {path: dict(told) for path, told in self.files.items()}}


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in first if name in second)


_STRICTER: dict[str, Callable[[Any, Any], Any]] = {
    "reviewers": max,
    "min_eye_distance": max,
    "maximum_fmr": min,
    "retention_days": min,
    "embedders": _common,
    "detectors": _common,
    "max_probes": min,
    "forget_others": max,
    "probe_expiry_days": min,
}
"""How the stricter of two demands is found, by the name of the field."""

FIELDS = ("name", "version", "require", *_STRICTER)


def read_policy(path: Path) -> Policy:
    """Read a policy from a TOML file.

    Raises:
        UsageError: it cannot be read, or a field is unknown or not of its kind; file, line and field are named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    return parse_policy(data, str(path))


def parse_policy(data: bytes, name: str) -> Policy:
    """As :func:`read_policy`, of the bytes of a file of this name."""
    read = Fields.parse(data, name)
    read.only(FIELDS)
    policy = Policy(
        require=_required(read),
        reviewers=_whole(read.number("reviewers", 1, 5, "examiners", whole=True)),
        min_eye_distance=read.number("min_eye_distance", 0, 1000, "pixels"),
        maximum_fmr=read.number("maximum_fmr", 1e-9, 0.5, "different people who reach the threshold"),
        retention_days=_whole(read.number("retention_days", 1, 36_500, "days", whole=True)),
        embedders=read.texts("embedders"),
        detectors=read.texts("detectors"),
        max_probes=_whole(read.number("max_probes", 1, 1_000_000, "persons", whole=True)),
        forget_others=read.flag("forget_others"),
        probe_expiry_days=_whole(read.number("probe_expiry_days", 1, 36_500, "days", whole=True)),
    )
    about = {
        "name": read.required("name", "Policy of our unit"),
        "version": read.required("version", "2026-11-20"),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    sources = dict.fromkeys(policy.demands, name)
    return replace(policy, sources=sources, files={name: about})


def strictest(policies: Sequence[Policy]) -> Policy:
    """One policy with the strictest demand of each; that of none demands nothing."""
    found = Policy()
    for policy in policies:
        found = _stricter(found, policy)
    return found


def policy_paths(case_folder: Path | None = None) -> dict[str, Path]:
    """Where policies lie, by whose they are; the file need not be there, but for that of RETROFR_POLICY."""
    named = os.environ.get(POLICY_VARIABLE)
    paths = {"machine": Path(platformdirs.site_config_dir("retrofr")) / FILE_NAME}
    if named:
        paths["organisation"] = Path(named)
    paths["user"] = Path(platformdirs.user_config_dir("retrofr")) / FILE_NAME
    if case_folder is not None:
        paths["case"] = case_folder / FILE_NAME
    return paths


def applying_policy(case_folder: Path | None = None) -> Policy:
    """What the policies that are there demand together.

    Args:
        case_folder: of the case that is worked on; None for none.

    Raises:
        UsageError: a policy cannot be read, or RETROFR_POLICY names a file that is not there.
    """
    found = []
    for whose, path in policy_paths(case_folder).items():
        if whose == "organisation" and not path.is_file():
            raise UsageError(
                "no such policy",
                subject=str(path),
                hint=f"the variable {POLICY_VARIABLE} names it; correct or unset it",
            )
        if os.path.lexists(path):  # one that is there and cannot be read must not pass for none
            found.append(read_policy(path))
    return strictest(found)


def template(name: str) -> str:
    """The text of a policy that comes with retrofr: one of ``TEMPLATES``.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in TEMPLATES:
        near = difflib.get_close_matches(name, TEMPLATES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(TEMPLATES)}"
        raise UsageError("no such policy comes with retrofr", subject=name, hint=hint)
    return (resources.files("retrofr") / "data" / "policies" / f"{name}.toml").read_text(encoding="utf-8")


def _required(read: Fields) -> tuple[str, ...]:
    words = read.texts("require") or ()
    for word in words:
        if word not in REQUIRABLE:
            near = difflib.get_close_matches(word, REQUIRABLE, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(REQUIRABLE)}"
            read.refuse("require", f"nothing is called {word!r}", hint)
    return tuple(word for word in REQUIRABLE if word in words)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _stricter(first: Policy, second: Policy) -> Policy:
    values: dict[str, Any] = {}
    sources = {**second.sources, **first.sources}  # what both demand alike comes from the first
    for name, stricter in _STRICTER.items():
        one, other = getattr(first, name), getattr(second, name)
        if one in (None, False) or other in (None, False):
            values[name] = other if one in (None, False) else one
            continue
        values[name] = stricter(one, other)
        if values[name] != one:
            same = values[name] == other
            sources[name] = (
                second.sources[name] if same else f"{first.sources[name]} and {second.sources[name]}"
            )
    require = tuple(word for word in REQUIRABLE if word in first.require or word in second.require)
    return Policy(require=require, **values, sources=sources, files={**first.files, **second.files})
