"""An inspection for a person: a row a stream, below it what stands out, at the end what it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.clock import format_seconds
from retrofr.inspection_documents import status_of
from retrofr.video.inspected import FileInspection, Inspection, StreamInspection

from .text import counted, enumerated, human_bytes, shown

HEADINGS = ("file", "recorded", "video", "frames/s", "starts")
NARROWEST_NAME, WIDEST_NAME = 16, 40
GUTTER = "  "
PROBLEM, NOTE, TRY = "!", "·", ">"
STYLES = {PROBLEM: "yellow", NOTE: "", TRY: "cyan"}
FEW = 4

CODECS = {"h264": "H.264", "hevc": "HEVC", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "mpeg1video": "MPEG-1"}
STATUSES = {
    "no problems found": "with no problems found",
    "problems": "with problems",
    "unreadable": "not readable",
    "not as listed": "not as listed",
}


def print_inspection(console: Console, inspection: Inspection, written: str | None = None) -> None:
    """Print everything; ``written`` names the sidecar that was written."""
    rows = [(file, row) for file in inspection.files for row in _rows(file)]
    widths = _widths([HEADINGS, *(row for _, row in rows)], console.width)
    console.print()
    if rows:
        console.print(Text(_line(HEADINGS, widths), style="dim"), soft_wrap=True)
    for file in inspection.files:
        for row in (row for owner, row in rows if owner is file):
            _print_row(console, row, widths)
        for mark, sentence in _details(file, alone=len(inspection.files) <= FEW):
            _print_detail(console, mark, sentence)
    console.print()
    grid = Table.grid(padding=(0, len(GUTTER), 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text, style in _totals(inspection, written):
        grid.add_row(label, Text(text, style=style))
    console.print(grid)


def _widths(lines: list[tuple[str, ...]], room: int) -> list[int]:
    """Of each column; that of the names takes what the others leave, in bounds."""
    names, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    left = room - sum(others) - len(GUTTER) * len(others)
    return [min(names, max(NARROWEST_NAME, min(WIDEST_NAME, left))), *others]


def _rows(file: FileInspection) -> Iterator[tuple[str, ...]]:
    name = shown(file.name)
    if file.unreadable is not None or not file.streams:
        yield (
            name,
            "–",
            STATUSES["unreadable"] if not file.unreadable else STATUSES[status_of(file)],
            "",
            "",
        )
        return
    for number, stream in enumerate(file.streams):
        own = name if not number else ""
        label = f"{own} #{stream.facts.stream.index}" if len(file.streams) > 1 else own
        yield (label, _recorded(stream), _video(stream), _rate(stream), _starts(file) if not number else "")


def _recorded(stream: StreamInspection) -> str:
    survey = stream.survey
    if survey is None:
        return "–"
    if survey.recorded_seconds is None:
        return counted(survey.packets, "frame")
    return format_seconds(survey.recorded_seconds)


def _video(stream: StreamInspection) -> str:
    declared, facts = stream.facts.stream, stream.facts
    if facts.encrypted:
        return "encrypted"
    codec = CODECS.get(declared.codec, declared.codec)
    aspect = f" {facts.pixel_aspect}" if facts.pixel_aspect not in (None, 1) else ""
    deep = f" {facts.bit_depth} bit" if facts.bit_depth and facts.bit_depth > 8 else ""
    return f"{codec} {declared.width}x{declared.height}{aspect.replace('/', ':')}{deep}"


def _rate(stream: StreamInspection) -> str:
    """The measured rate; ``~`` marks one that only the headers state."""
    survey = stream.survey
    if survey is None:
        return "–"
    rhythm = survey.rhythm
    if rhythm.character == "constant" and rhythm.rate is not None:
        return _number(rhythm.rate)
    if rhythm.character == "variable" and rhythm.shortest_step and rhythm.longest_step:
        return f"{_number(1 / rhythm.longest_step)} to {_number(1 / rhythm.shortest_step)}"
    stated = stream.facts.codec_rate if survey.stamps_missing else stream.facts.stream.average_rate
    return "unknown" if stated is None else f"~{_number(stated)}"


def _number(rate: Fraction) -> str:
    return f"{float(rate):.4g}"


def _starts(file: FileInspection) -> str:
    """The adjusted time of the first picture, ``?`` where nobody is recorded to have checked the clock."""
    at = file.clock.adjusted_at(Fraction(0))
    if at is None:
        return "–"
    mark = "" if file.clock.check is not None else "?"
    return f"{at:%Y-%m-%d %H:%M:%S}{at:%z}{mark}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return GUTTER.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _print_row(console: Console, row: tuple[str, ...], widths: list[int]) -> None:
    if len(row[0]) > widths[0]:
        console.print(Text(row[0], style="bold"), soft_wrap=True)
        row = ("", *row[1:])
    line = Text(_line(row, widths))
    line.stylize("bold", 0, widths[0])
    console.print(line, soft_wrap=True)


def _details(file: FileInspection, *, alone: bool) -> Iterator[tuple[str, str]]:
    """What stands out of a file; ``alone`` where so few are shown that digests are no noise."""
    several = len(file.streams) > 1
    if file.unreadable is not None:
        yield PROBLEM, file.unreadable.reason
        yield from ((NOTE, line) for line in (file.unreadable.hint or "").splitlines())
    yield from ((PROBLEM, problem) for problem in file.problems)
    for stream in file.streams:
        where = f"#{stream.facts.stream.index}: " if several else ""
        if file.unreadable is None:
            yield from ((PROBLEM, f"{where}{problem}") for problem in stream.problems)
            yield from ((NOTE, f"{where}{note}") for note in stream.notes)
    yield from ((NOTE, note) for note in file.notes)
    original, adjusted = file.clock.original_at(Fraction(0)), file.clock.adjusted_at(Fraction(0))
    if (
        original is not None
        and adjusted is not None
        and original.replace(tzinfo=None) != adjusted.replace(tzinfo=None)
    ):
        yield NOTE, f"the recorder's clock showed {original:%Y-%m-%d %H:%M:%S} then; {file.clock.status}"
    for each in file.suggestions:
        # That there is no clock at all is told once for all files.
        if each.flag != "--start" or file.clock.origin.at is not None:
            yield TRY, f"{each.flag} {each.value or '…'}: {each.reason}"
    if alone:
        yield from ((NOTE, fact) for fact in _facts(file))


def _facts(file: FileInspection) -> Iterator[str]:
    container = file.container
    if container is not None:
        others = f", with {enumerated(container.others, FEW)}" if container.others else ""
        yield f"{container.long_name}, {human_bytes(file.size_bytes or 0)}{others}"
    if file.clock.origin.at is not None:
        yield f"starts: {file.clock.source}; {file.clock.status}"
    if file.sha256 is not None:
        yield f"SHA-256 {file.sha256}"
    if file.hash_check is not None:
        yield f"hash list: {file.hash_check}"


def _print_detail(console: Console, mark: str, sentence: str) -> None:
    lines = Text(shown(sentence), style=STYLES[mark]).wrap(console, max(20, console.width - 4))
    for number, line in enumerate(lines):
        console.print(Text(f"  {mark if not number else ' '} ") + line, soft_wrap=True)


def _totals(inspection: Inspection, written: str | None) -> Iterator[tuple[str, str, str]]:
    files = inspection.files
    if inspection.interrupted:
        left = enumerated(map(shown, inspection.not_inspected), FEW)
        yield "INTERRUPTED", f"the run was stopped; not inspected: {left}", "yellow"
    counts = Counter(status_of(file) for file in files)
    parts = [f"{counts[status]:,} {words}" for status, words in STATUSES.items() if counts[status]]
    yield "inspected", f"{counted(len(files), 'file')}: {', '.join(parts)}" if files else "nothing", ""
    yield "recorded", _sum(inspection), ""
    if not inspection.full:
        yield (
            "not decoded",
            "only headers and packets were read; --full decodes, and finds damage in pictures",
            "dim",
        )
    yield from _clocks(inspection)
    for missing in inspection.unreadable:
        yield "not listed", f"{shown(missing.subject)}: {missing.reason}", "yellow"
    if inspection.ignored:
        yield "ignored", f"not video by name: {enumerated(map(shown, inspection.ignored), FEW)}", ""
    if inspection.archives:
        yield "archives", f"not opened: {enumerated(map(shown, inspection.archives), FEW)}", "yellow"
    if written is not None:
        yield "written", f"{shown(written)}, to be filled in and given with --sidecar", ""


def _sum(inspection: Inspection) -> str:
    surveys = [stream.survey for file in inspection.files for stream in file.streams if stream.survey]
    seconds = sum((survey.recorded_seconds or Fraction(0) for survey in surveys), Fraction(0))
    untimed = sum(survey.packets for survey in surveys if survey.recorded_seconds is None)
    beside = f", and {counted(untimed, 'frame')} without times" if untimed else ""
    return f"{format_seconds(seconds)}, gaps left out{beside}"


def _clocks(inspection: Inspection) -> Iterator[tuple[str, str, str]]:
    readable = [file for file in inspection.files if file.unreadable is None]
    without = [shown(file.name) for file in readable if file.clock.origin.at is None]
    if without:
        names = counted(len(without), "file") if len(without) > FEW else ", ".join(without)
        yield "no clock", f"{names}; --start or a sidecar gives one", ""
    if any(file.clock.origin.at is not None and file.clock.check is None for file in readable):
        yield "clock", "? marks times of a clock that nobody is recorded to have checked", "dim"
