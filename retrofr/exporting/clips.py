"""Clips: a video of each appearance with a margin, in which everybody else is hidden, and a table of them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrofr.case_stills import base_name
from retrofr.documents import COLUMNS, record
from retrofr.errors import ExhibitError, UsageError
from retrofr.exporters.csv import write_table
from retrofr.exporting._words import counted, one_line
from retrofr.exporting.material import ClipSource, Material, Options
from retrofr.exporting.outputs import Output
from retrofr.integrity import sha256_file
from retrofr.results import Appearance

if TYPE_CHECKING:
    from retrofr.redaction.clips import RedactedClip

TABLE = "clips.csv"

CLIP_COLUMNS = (
    "clip",
    "clip_sha256",
    "clip_start_seconds",
    "clip_end_seconds",
    "clip_ticks_per_second",
    "clip_start_ticks",
    "clip_end_ticks",
    "clip_frames",
    "clip_frames_with_candidate",
    "clip_frames_doubtful",
    "clip_frames_suspect",
    "clip_frames_hidden",
    "clip_faces_hidden",
    "clip_checked",
    "clip_problem",
)
"""After the columns of a record; new ones come at the end. ``docs/exports.md`` says what they mean."""

NOT_THERE = "its recording is not in the footage that was given"


def export(material: Material, options: Options, output: Output) -> Iterator[str]:
    """A folder: a clip of each appearance, named as its still would be, and ``clips.csv``."""
    source = options.clips
    if source is None:
        raise UsageError(
            "is cut from the recordings",
            subject="--format clips",
            hint="name the folder that they are in with --footage",
        )
    lines: list[dict[str, object]] = []
    absent, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="retrofr-clips-") as folder:
        for appearance in material.appearances:
            there = source.holds(appearance)
            made = (
                _made(source, appearance, options.margin_seconds, Path(folder), output)
                if there
                else {"clip_problem": NOT_THERE}
            )
            absent += not there
            failed += there and "clip" not in made
            lines.append(record(appearance) | made)
    table = io.BytesIO()
    write_table((*COLUMNS, *CLIP_COLUMNS), lines, table)
    output.write(TABLE, table.getvalue())
    if absent:
        yield f"{counted(absent, 'clip')} of recordings that are not in the footage"
    if failed:
        yield f"{counted(failed, 'clip')} of recordings that cannot be read there; {TABLE} says why"


def _made(
    source: ClipSource, appearance: Appearance, margin: Fraction, folder: Path, output: Output
) -> dict[str, object]:
    """The cells of one clip, or why there is none."""
    name = f"{base_name(appearance)}.mp4"
    start, end = appearance.start_seconds - margin, appearance.end_seconds + margin
    try:
        clip = source.clip(appearance, start, end, folder / name)
    except ExhibitError as error:
        return {"clip_problem": one_line(error.reason)}
    digest = sha256_file(clip.path)
    output.take(name, clip.path)
    return {"clip": name, "clip_sha256": digest} | _cells(clip)


def _cells(clip: RedactedClip) -> dict[str, Any]:
    start, end = clip.start_seconds, clip.end_seconds
    ticks = lcm(start.denominator, end.denominator)
    redacted = clip.how is not None
    return {
        "clip_start_seconds": start,
        "clip_end_seconds": end,
        "clip_ticks_per_second": ticks,
        "clip_start_ticks": int(start * ticks),
        "clip_end_ticks": int(end * ticks),
        "clip_frames": clip.frames,
        "clip_frames_with_candidate": clip.frames_with_candidate if redacted else None,
        "clip_frames_doubtful": clip.frames_doubtful if redacted else None,
        "clip_frames_suspect": clip.frames_suspect,
        "clip_frames_hidden": clip.frames_hidden,
        "clip_faces_hidden": clip.faces_hidden if redacted else None,
        "clip_checked": clip.checked or "nobody is hidden",
    }
