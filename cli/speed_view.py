"""How fast footage was indexed, for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.speed.stages import STAGES

from .coverage import Row
from .render import GUTTER, print_rows
from .text import counted, enumerated, human_bytes, shown

if TYPE_CHECKING:
    from retrofr.speed.measured import Recording, SpeedResult

NAMES_TOLD = 3
BUSY_ELSEWHERE = 0.1  # cores; from there on figures are called rough


def print_speed(console: Console, result: SpeedResult, hours: float | None) -> None:
    """Print what was measured, where the time goes, and what more of such footage takes.

    Args:
        console: where to.
        result: what was measured.
        hours: of footage, for the projection; None for that of one hour alone.
    """
    console.print()
    if result.recordings:
        for recording in result.recordings:
            _print_recording(console, recording)
        console.print(_stages(result))
        console.print()
    print_rows(console, _rows(result, hours))


def took(seconds: float) -> str:
    """A length of time as a person says it: ``7.2 s``, ``9 min 12 s``, ``6 h 8 min``, ``12 days 3 h``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, smaller, size, part in (("min", "s", 60, 1), ("h", "min", 3600, 60)):
        if whole < size * (60 if unit == "min" else 24):
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    days, rest = divmod(whole, 86_400)
    return f"{counted(days, 'day')} {rest // 3600} h"


def _plain(*headings: str) -> Table:
    table = Table(box=None, padding=(0, GUTTER, 0, 0), header_style="dim", pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


def _print_recording(console: Console, recording: Recording) -> None:
    last = recording.rounds[-1].indexing
    peaks = [peak for each in recording.rounds if (peak := each.indexing.peak_bytes) is not None]
    facts = [
        f"{float(recording.media_seconds):.1f} s of footage",
        counted(last.samples, "sample"),
        counted(last.faces, "face"),
        counted(last.templates, "template"),
        *([f"{human_bytes(max(peaks))} of memory at most"] if peaks else []),
    ]
    console.print(Text.assemble((shown(recording.name), "bold"), ": ", ", ".join(facts)), soft_wrap=True)
    console.print(_figures(recording))
    console.print()


def _figures(recording: Recording) -> Table:
    media = float(recording.media_seconds)
    table = _plain("", "on the wall", "of all cores", "× real time")
    ways = {
        "decoding alone": (lambda r: r.decoding.wall_seconds, lambda r: r.decoding.cpu_seconds),
        "decoding, finding, tracking, embedding": (
            lambda r: r.indexing.wall_seconds,
            lambda r: r.indexing.cpu_seconds,
        ),
    }
    for way, (wall_of, cpu_of) in ways.items():
        wall, cpu = recording.median(wall_of), recording.median(cpu_of)
        table.add_row(way, f"{wall:.2f} s", f"{cpu:.2f} s", f"{media / wall:.1f}")
    ratios = recording.median(lambda r: r.wall_ratio), recording.median(lambda r: r.cpu_ratio)
    table.add_row("the second to the first", *(f"{ratio:.2f}" for ratio in ratios), "")
    return table


def _stages(result: SpeedResult) -> Table:
    table = _plain("where the time goes, a sample", "of all cores", "share", "on the wall")
    stages, samples = result.stages(), max(result.samples, 1)
    whole = sum(spent.cpu_seconds for spent in stages.values()) or 1.0
    for stage, spent in stages.items():
        wall = "" if spent.wall_seconds is None else f"{1000 * spent.wall_seconds / samples:.2f} ms"
        share = f"{100 * spent.cpu_seconds / whole:.0f} %"
        table.add_row(STAGES[stage], f"{1000 * spent.cpu_seconds / samples:.2f} ms", share, wall)
    return table


def _rows(result: SpeedResult, hours: float | None) -> Iterator[Row]:
    yield from _projected(result, hours)
    yield Row(
        "not counted",
        f"loading the nets ({took(result.load_seconds)}), digests, writing to a case",
        aside=True,
    )
    if result.recordings:
        most = max(len(recording.rounds) for recording in result.recordings)
        yield Row("medians", f"of {counted(most, 'round')}; decoding and indexing took turns")
    yield Row("machine", f"{shown(result.device)}, {counted(result.cores, 'core')}")
    others = [each.others for one in result.recordings for each in one.rounds if each.others is not None]
    if others and max(others) >= BUSY_ELSEWHERE:
        text = f"other processes kept up to {max(others):.1f} cores busy meanwhile: the figures are rough"
        yield Row("disturbed", text, warns=True)
    if result.interrupted:
        yield Row(
            "INTERRUPTED", "the run was stopped; what is shown are the rounds that were done", warns=True
        )
    for recording in result.recordings:
        if recording.problems:
            yield Row(
                "damage", f"{shown(recording.name)}: {shown('; '.join(recording.problems))}", warns=True
            )
    for one in result.unmeasured:
        yield Row("not measured", shown(f"{one.subject}: {one.reason}"), warns=True)
    if result.ignored:
        names = enumerated([shown(name) for name in result.ignored], NAMES_TOLD)
        number = counted(
            len(result.ignored), "file that is not video by its name", "files that are not video"
        )
        yield Row("ignored", f"{number}: {names}")


def _projected(result: SpeedResult, hours: float | None) -> Iterator[Row]:
    projection = result.projection()
    if projection is None:
        return
    times = 3600 / projection.wall_seconds
    text = f"{took(projection.wall_seconds)} ({times:.1f} × real time), one recording after the other"
    if projection.workers > 1:
        text += f"; {took(projection.seconds)} at best, with {projection.workers} at once (calculated, not measured)"
    yield Row("an hour of it", text)
    if hours is not None:
        yield Row(
            f"{hours:,g} hours of it", f"{took(projection.take_seconds(hours))}, if all of it is like this"
        )
