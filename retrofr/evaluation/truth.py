"""Who is in footage, and when: a truth file that a person made.

Two kinds, told apart by their columns, both separated by tabs (``.tsv``) or commas:

*Scenes*: ``start`` and ``end`` (or ``start_s`` and ``end_s``, seconds of media time, the end not included) and
``person`` (or ``identities_on_screen``): names from left to right joined by commas, ``-`` for nobody, and ``(X)`` for
somebody unlabelled. *Boxes*: ``frame`` (number of the decoded frame from 0), ``x1``, ``y1``, ``x2``, ``y2`` in pixels,
and ``person`` (or ``photo``, whose folder is the person), a row for each face; optional ``visible``, the share of the
face that can be seen. A column ``file`` names the recording; it is needed where there are several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from retrofr.errors import UsageError
from retrofr.evaluation.material import read_table
from retrofr.rates.comparisons import Mask, Scores

NOBODY, UNLABELLED = "-", "(X)"
_STARTS, _ENDS = ("start", "start_s", "start_seconds"), ("end", "end_s", "end_seconds")
_PEOPLE = ("person", "identities_on_screen", "identity")
BOX_COLUMNS = ("x1", "y1", "x2", "y2")
SAME = 0.4
"""From this overlap (IoU) on two boxes are of the same face; or where each holds the other's middle."""


@dataclass(frozen=True)
class Scene:
    """A stretch [start, end) of a recording and who is in it, from left to right.

    ``others``: somebody unlabelled is in it too.
    """

    start: float
    end: float
    people: tuple[str, ...]
    others: bool = False


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """Who is where in one frame: boxes (k, 4), their people, and which share of each face can be seen (k,)."""

    boxes: Scores
    people: tuple[str, ...]
    visible: Scores


@dataclass(frozen=True, eq=False)
class Truth:
    """Who is in the recordings, by their file's name; under "" what holds for the only one."""

    source: Path
    scenes: Mapping[str, tuple[Scene, ...]]
    frames: Mapping[str, Mapping[int, FrameTruth]]

    @property
    def has_boxes(self) -> bool:
        """Whether it says where faces are, and not only who is there."""
        return bool(self.frames)

    @property
    def files(self) -> tuple[str, ...]:
        """Recordings that it names; "" where it names none."""
        return tuple(self.scenes or self.frames)

    def scenes_of(self, file: str) -> tuple[Scene, ...]:
        """The scenes of a recording."""
        return self.scenes.get(file, self.scenes.get("", ()))

    def frames_of(self, file: str) -> Mapping[int, FrameTruth]:
        """Who is where in a recording, by the number of the frame."""
        return self.frames.get(file, self.frames.get("", {}))

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who is named."""
        scenes = (name for own in self.scenes.values() for scene in own for name in scene.people)
        boxes = (name for own in self.frames.values() for frame in own.values() for name in frame.people)
        return tuple(sorted({*scenes, *boxes}))


def read_truth(path: Path) -> Truth:
    """Read a truth file.

    Raises:
        UsageError: it cannot be read, or a row cannot be true; file and line are named.
    """
    rows = [*read_table(path, ())]
    if not rows:
        raise UsageError("says nothing of anybody", subject=str(path))
    columns = rows[0][1]
    if "frame" in columns:
        return Truth(path, {}, _boxes(path, rows))
    names = [next((name for name in kind if name in columns), None) for kind in (_STARTS, _ENDS, _PEOPLE)]
    start, end, people = names
    if start is None or end is None or people is None:
        raise UsageError(
            "has neither the columns start, end and person nor frame, x1, y1, x2, y2 and person",
            subject=f"{path}, line 1",
        )
    scenes: dict[str, list[Scene]] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        first, last = (_number(row[name], name, where) for name in (start, end))
        if not 0 <= first < last:
            raise UsageError(f"{row[start]} to {row[end]} is no stretch of time", subject=where)
        named = [name.strip() for name in row[people].split(",")]
        if not all(named) or (NOBODY in named and len(named) > 1) or len(set(named)) != len(named):
            raise UsageError(f"{row[people]!r} does not say who is there", subject=where)
        known = tuple(name for name in named if name not in (NOBODY, UNLABELLED))
        scene = Scene(first, last, known, UNLABELLED in named)
        own = scenes.setdefault(row.get("file", ""), [])
        own.append(scene)
    return Truth(path, {file: _in_order(own, path) for file, own in scenes.items()}, {})


def _in_order(scenes: list[Scene], path: Path) -> tuple[Scene, ...]:
    ordered = sorted(scenes, key=lambda scene: scene.start)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise UsageError(
                f"scenes overlap: {before.start:g} to {before.end:g} s and {after.start:g} to {after.end:g} s",
                subject=str(path),
                hint="name everybody of a scene in one row, from left to right",
            )
    return tuple(ordered)


def _boxes(path: Path, rows: list[tuple[int, dict[str, str]]]) -> dict[str, dict[int, FrameTruth]]:
    columns = rows[0][1]
    label = next((name for name in (*_PEOPLE, "photo") if name in columns), None)
    missing = [name for name in BOX_COLUMNS if name not in columns]
    if missing or label is None:
        raise UsageError(
            f"has no column {' or '.join(missing or ['person'])}",
            subject=f"{path}, line 1",
            hint="boxes have the columns frame, x1, y1, x2, y2 and person",
        )
    found: dict[str, dict[int, list[tuple[list[float], str, float]]]] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        frame = _number(row["frame"], "frame", where)
        corners = [_number(row[name], name, where) for name in BOX_COLUMNS]
        person = row[label] if label != "photo" else Path(row[label]).parent.name
        if (
            not person
            or frame < 0
            or frame != int(frame)
            or corners[0] >= corners[2]
            or corners[1] >= corners[3]
        ):
            raise UsageError("is no face of anybody", subject=where)
        seen = _number(row.get("visible", "1"), "visible", where)
        own = found.setdefault(row.get("file", ""), {})
        own.setdefault(int(frame), []).append((corners, person, seen))
    return {file: {frame: _frame(faces) for frame, faces in own.items()} for file, own in found.items()}


def _frame(faces: list[tuple[list[float], str, float]]) -> FrameTruth:
    return FrameTruth(
        np.array([corners for corners, _, _ in faces], np.float64),
        tuple(person for _, person, _ in faces),
        np.array([seen for _, _, seen in faces], np.float64),
    )


def _number(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} in column {column} is no number", subject=where) from error
    if not np.isfinite(value):
        raise UsageError(f"{text!r} in column {column} is no number", subject=where)
    return value


def paired(one: Scores, other: Scores) -> list[tuple[int, int]]:
    """Which box of (k, 4) is which of (l, 4): one to one, the largest overlaps first."""
    if not len(one) or not len(other):
        return []
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    share = common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9)
    same = (share >= SAME) | (_holds_middle(one, other) & _holds_middle(other, one).T)
    found: list[tuple[int, int]] = []
    for place in np.argsort(-share, axis=None, kind="stable"):
        i, j = divmod(int(place), len(other))
        if same[i, j] and all(i != a and j != b for a, b in found):
            found.append((i, j))
    return found


def _holds_middle(one: Scores, other: Scores) -> Mask:
    middle = (other[:, :2] + other[:, 2:]) / 2
    inside = (middle[None] >= one[:, None, :2]) & (middle[None] <= one[:, None, 2:])
    return np.asarray(inside.all(axis=2))
