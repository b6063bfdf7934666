"""The tables of docs/speed.md, made from what was measured."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from _found import FoundFaces, Recall, Truth, compare, recall
from _results import Figure, Results, spread
from _samples import HOW

Truths = Mapping[str, Mapping[int, Truth]]
PEERS = ("facenet-pytorch", "face_recognition")


def document(results: Results, ways: Sequence[str], truths: Truths, cores: int) -> str:
    """All tables, as Markdown.

    Args:
        results: of the run.
        ways: names of the settings of `retrofr index`, the one that ratios are about first.
        truths: who is where, by kind of clip.
        cores: how many were used.
    """
    clips = [kind for kind in truths if kind in results.figures]
    parts = [_machine(results, cores)]
    parts += [_times(results, kind, ways) for kind in clips]
    parts += [_faces(results, clips, ways, truths)] if clips else []
    if any(name in results.figures.get("busy", {}) for name in PEERS):
        parts.append(_peers(results, ways[0], truths["busy"]))
    parts += [
        _growth(results, subject) for subject in ("scaling", "triage", "long") if subject in results.figures
    ]
    parts += [f"{name}: {note}" for name, note in results.notes.items()]
    parts += [f"Not measured: {name}: {reason}" for name, reason in results.skipped.items()]
    return "\n\n".join(parts)


def _machine(results: Results, cores: int) -> str:
    others = [one.others for ways in results.figures.values() for own in ways.values() for one in own]
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.processor() or "unknown processor"
    return (
        f"{datetime.date.today():%d %B %Y}, {cores} of {os.cpu_count()} cores ({processor}), "
        f"Python {platform.python_version()}, other processes kept {spread(others or [0.0], 2)} cores busy meanwhile"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ratios(ours: Sequence[Figure], theirs: Sequence[Figure], what: str) -> list[float]:
    """Ours over theirs, round by round."""
    return [getattr(a, what) / getattr(b, what) for a, b in zip(ours, theirs, strict=False)]


# ---- clips ---------------------------------------------------------------------------------------------------


def _times(results: Results, kind: str, ways: Sequence[str]) -> str:
    figures, seconds = results.figures[kind], results.seconds[kind]
    head = (
        *("what", "wall s", "s of cores", "peak MB", "× real time"),
        *("wall to floor", "cores to floor", "wall to all frames on all cores"),
    )
    rows = []
    for how, meaning in HOW.items():
        if how in figures:
            rows.append([f"decoding: {meaning}", *_plain(figures[how], seconds), "", "", ""])
    for way in ways:
        if way in figures:
            own = figures[way]
            floor = figures.get("keyframes" if "keyframes" in way else "needed", [])
            strict = figures.get("all-threads", [])
            rows.append(
                [
                    f"`index`, {way}",
                    *_plain(own, seconds),
                    *(spread(_ratios(own, floor, what), 2) if floor else "" for what in ("wall", "cpu")),
                    spread(_ratios(own, strict, "wall"), 2) if strict else "",
                ]
            )
    return f"### {kind}, {seconds:g} s\n\n{_table(head, rows)}"


def _plain(figures: Sequence[Figure], seconds: float) -> list[str]:
    walls = [figure.wall for figure in figures]
    return [
        spread(walls),
        spread([figure.cpu for figure in figures]),
        f"{max(figure.peak_bytes for figure in figures) / 1e6:,.0f}",
        f"{seconds / statistics.median(walls):.1f}",
    ]


def _faces(results: Results, clips: Sequence[str], ways: Sequence[str], truths: Truths) -> str:
    head = (
        *(
            "clip",
            "setting",
            "samples",
            "faces counted by `index`",
            "faces the detector finds on the samples",
        ),
        *("of faces plain to see", "found where nobody is", "visits in the case"),
    )
    rows = []
    for kind in clips:
        # A visit counts if its face is plain to see in a sample at full rate, whatever the setting looks at.
        frames = list(results.found.get(kind, {}).get(ways[0], {}))
        for way in ways:
            if way not in results.figures[kind]:
                continue
            known = results.figures[kind][way][-1].more
            found = results.found[kind][way]
            own = recall(found, truths[kind])
            stored = recall(results.visits[kind][way], truths[kind], frames)
            rows.append(
                [
                    *(kind, way, f"{known['samples']:,}", f"{known['faces']:,}"),
                    f"{sum(map(len, found.values())):,}",
                    *_recalled(own),
                    f"{stored.visits_found} of {stored.visits}",
                ]
            )
    return f"### Faces found\n\n{_table(head, rows)}"


def _recalled(own: Recall) -> list[str]:
    share = f"{own.share:.3f} ({own.found:,} of {own.there:,})" if own.there else "–"
    return [share, f"{own.false:,}"]


# ---- others --------------------------------------------------------------------------------------------------


def _peers(results: Results, way: str, truth: Mapping[int, Truth]) -> str:
    figures, found = results.figures["busy"], results.found["busy"]
    head = (
        *(
            "recipe",
            "s a sample",
            "samples looked at",
            "whole clip, wall s",
            "whole clip, s of cores",
            "peak MB",
        ),
        *("times `index`, wall", "times `index`, cores"),
    )
    rows, faces = [], []
    for name in (name for name in PEERS if name in figures):
        own = figures[name]
        rows.append(
            [
                name,
                spread([figure.more["look_wall"] / figure.more["looked"] for figure in own], 2),
                f"{sum(figure.more['looked'] for figure in own)} of {own[0].more['samples']}",
                *_plain(own, 1.0)[:3],
                *(spread(_ratios(own, figures[way], what)) for what in ("wall", "cpu")),
            ]
        )
        faces.append([name, *_compared(found[way], found[name], truth)])
    face_head = (
        *("recipe", "samples", "its faces", "of them retrofr finds", "of its true ones retrofr finds"),
        *(
            "retrofr's faces",
            "of them it finds",
            "its recall",
            "retrofr's recall",
            "it finds where nobody is",
        ),
    )
    return (
        f"### Beside other recipes, busy clip, `index` with {way}\n\n{_table(head, rows)}\n\n"
        f"Faces on the samples that both looked at:\n\n{_table(face_head, faces)}"
    )


def _compared(ours: FoundFaces, theirs: FoundFaces, truth: Mapping[int, Truth]) -> list[str]:
    there, back = compare(ours, theirs, truth), compare(theirs, ours, truth)
    frames = sorted(ours.keys() & theirs.keys())
    their_recall, our_recall = (recall(found, truth, frames) for found in (theirs, ours))
    false = recall({frame: theirs[frame] for frame in frames}, truth).false
    return [
        *(f"{there.samples}", f"{there.theirs:,}", f"{there.share:.3f}", f"{there.true_share:.3f}"),
        *(f"{there.ours:,}", f"{back.share:.3f}", f"{their_recall.share:.3f}", f"{our_recall.share:.3f}"),
        f"{false:,}",
    ]


# ---- growth --------------------------------------------------------------------------------------------------


def _growth(results: Results, subject: str) -> str:
    head = (
        "footage",
        "wall s",
        "s of cores",
        "peak MB",
        "× real time",
        "wall s an hour",
        "s of cores an hour",
    )
    rows = []
    for way, own in results.figures[subject].items():
        hours = results.seconds[way] / 3600
        hourly = [spread([getattr(one, what) / hours for one in own], 0) for what in ("wall", "cpu")]
        rows.append([way, *_plain(own, results.seconds[way]), *hourly])
    title = {
        "scaling": "More files, more workers",
        "triage": "Keyframes alone",
        "long": "A long file",
    }[subject]
    return f"### {title}\n\n{_table(head, rows)}"
