"""From what the user names to probes: strictly, or leaving out what cannot be a probe; known pictures need no net."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retrofr.errors import ProbeError
from retrofr.events import Listener, Skipped, Warned
from retrofr.probe_files import (
    ProbePicture,
    ProbeProblem,
    ProbeSpec,
    digest_pictures,
    find_pictures,
    parse_probe,
)
from retrofr.probes import Nets, embed_probe_pictures, gather_probes
from retrofr.records import Probe, ProbeImage
from retrofr.results import Unsearched
from retrofr.settings import QualitySettings


class ProbeMemory(Protocol):
    """Remembers what was embedded before, with the same nets and settings."""

    def known(self, picture: ProbePicture) -> ProbeImage | None:
        """The face of a picture, where it was embedded before."""
        ...

    def keep(self, picture: ProbePicture, image: ProbeImage) -> None:
        """Remember a face."""
        ...


class NoMemory:
    """Knows nothing and keeps nothing."""

    def known(self, picture: ProbePicture) -> ProbeImage | None:
        """See :class:`ProbeMemory`."""

    def keep(self, picture: ProbePicture, image: ProbeImage) -> None:
        """See :class:`ProbeMemory`."""


@dataclass(frozen=True, eq=False)
class NamedPictures:
    """The pictures that were named, digested, and those that cannot be read."""

    pictures: tuple[ProbePicture, ...]
    problems: tuple[ProbeProblem, ...]


def name_pictures(probes: Sequence[str | Path | ProbeSpec], *, lenient: bool) -> NamedPictures:
    """Find and digest the pictures of all probes; no net is needed.

    Raises:
        ProbeError: none was named; or one cannot be read, and not ``lenient``.
    """
    pictures, missing = find_pictures([parse_probe(probe) for probe in probes])
    _refuse(missing, lenient=lenient)
    digested, unreadable = digest_pictures(pictures)
    _refuse(unreadable, lenient=lenient)
    return NamedPictures(tuple(digested), (*missing, *unreadable))


def make_probes(
    named: NamedPictures,
    nets: Nets,
    quality: QualitySettings,
    listener: Listener,
    *,
    lenient: bool,
    memory: ProbeMemory | None = None,
) -> tuple[tuple[Probe, ...], tuple[Unsearched, ...]]:
    """Embed the one face of every picture; gives the probes, and the pictures that cannot be one.

    Args:
        named: from :func:`name_pictures`.
        nets: called only where a picture is not known.
        quality: what makes a face a poor probe.
        listener: is told of poor probes, and of what cannot be one.
        lenient: go on without pictures that cannot be probes.
        memory: of earlier searches.

    Raises:
        ProbeError: a picture cannot be a probe, and not ``lenient``; or none can.
    """
    memory = memory or NoMemory()
    images: dict[int, ProbeImage] = {}
    for number, picture in enumerate(named.pictures):
        known = memory.known(picture)
        if known is not None:
            images[number] = dataclasses.replace(known, path=picture.spec.path)
            for reason in (*known.quality.problems, *known.quality.warnings):
                listener(Warned(str(picture.spec.path), f"a poor probe: {reason}"))
    unknown = [number for number in range(len(named.pictures)) if number not in images]
    found = embed_probe_pictures([named.pictures[n] for n in unknown], nets, quality, listener)
    problems = list(named.problems)
    for number, image in zip(unknown, found, strict=True):
        if isinstance(image, ProbeProblem):
            _refuse([image], lenient=lenient)
            problems.append(image)
        else:
            images[number] = image
            memory.keep(named.pictures[number], image)
    if not images:
        _refuse(problems, lenient=False)
        raise ProbeError("no probe was given", hint="name a picture of the person with --probe suspect.jpg")
    for problem in problems:
        listener(Skipped(str(problem.spec.path), problem.error.reason, problem.error.hint))
    probes = gather_probes((named.pictures[n].spec.name, images[n]) for n in sorted(images))
    return probes, tuple(Unsearched(str(p.spec.path), p.error.reason, p.error.hint) for p in problems)


def _refuse(problems: Sequence[ProbeProblem], *, lenient: bool) -> None:
    if problems and not lenient:
        raise problems[0].error
