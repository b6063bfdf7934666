"""``retrofr export``: what a case holds, for other programs; the analyst's timeline."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrofr.errors import OutputError, UsageError

from ..case_options import case_option, opened_case
from ..options import Command, Option, PartName, common_options
from ..text import counted, enumerated, shown

if TYPE_CHECKING:
    from retrofr.case.searches import SearchRecord
    from retrofr.case.store import Case
    from retrofr.results import Appearance, Coverage

MOST_NAMES = 4

EXAMPLES = """\b
Examples:
  The timeline of the last search, for a spreadsheet:
    retrofr export --case case/ --out timeline.csv
  That of search 3, a picture of each best face, and what was not searched:
    retrofr export --case case/ --search 3 --out t.csv --stills stills/ \\
      --coverage coverage.csv
  Where every person of the case appears, without any probe:
    retrofr export --case case/ --people --format jsonl > people.jsonl

\b
Exit codes:
  0 written   2 usage   5 case   7 output   130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Write the timeline of a case, as CSV or JSON.")
@case_option(required=True)
@click.option(
    "--search",
    "search",
    type=click.IntRange(min=1),
    metavar="N",
    cls=Option,
    section="What to export",
    help="Which search.  [default the last one]",
)
@click.option(
    "--people",
    is_flag=True,
    cls=Option,
    section="What to export",
    help="Every person's appearances, without any probe, in place of a search's.",
)
@click.option(
    "--format",
    "format_name",
    type=PartName("exporters"),
    default="csv",
    metavar="NAME",
    cls=Option,
    section="Result",
    help="csv, jsonl or json.  [default csv]",
)
@click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Where to write; the file must not exist.  [default stdout]",
)
@click.option(
    "--stills",
    "stills",
    type=click.Path(path_type=Path),
    metavar="DIR",
    cls=Option,
    section="Result",
    help="Also write a picture of each appearance's best face to this folder, which must be new or empty.",
)
@click.option(
    "--coverage",
    "coverage_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Also write what was and was not searched, as CSV; the file must not exist.",
)
@common_options
def command(
    case_path: Path,
    search: int | None,
    people: bool,
    format_name: str,
    out: Path | None,
    stills: Path | None,
    coverage_file: Path | None,
) -> int:
    """Write the timeline of a case: one record for each appearance, in the order of time.

    The columns are those of `retrofr search --format csv`; docs/timeline.md describes them. Footage is not needed.
    """
    from retrofr import registry

    if people and search is not None:
        raise UsageError(
            "--people gives appearances without any probe", hint="leave out --search or --people"
        )
    part = registry.load("exporters", format_name)
    for path in (out, coverage_file):
        if path is not None:
            _refuse_to_overwrite(path)
    with opened_case(case_path) as case:
        from retrofr.timeline import coverage_of, find_search, timeline, write_stills

        record = None if people else find_search(case, search)
        found = timeline(case, search=search, people=people)
        coverage = coverage_of(case, record)
        if stills is not None:
            found = write_stills(case, found, stills, named=_as_seen_from(out, stills))
        for line in _told(case, found, record, coverage, written=coverage_file is not None):
            print(line, file=sys.stderr)
    if coverage_file is not None:
        _write(coverage_file, _coverage_table(coverage))
    text = io.BytesIO()
    part.build(part.SETTINGS()).write_appearances(found, text)
    _write(out, text.getvalue())
    return 0


def _as_seen_from(out: Path | None, stills: Path) -> Path:
    """The folder of stills as a reader of the file finds it, who has both; as it was given where that is not below."""
    if out is not None and stills.absolute().is_relative_to(out.absolute().parent):
        return stills.absolute().relative_to(out.absolute().parent)
    return stills


def _told(
    case: Case, found: Sequence[Appearance], record: SearchRecord | None, coverage: Coverage, *, written: bool
) -> Iterator[str]:
    """What this is a timeline of, and what is not in it."""
    from retrofr.timeline import indexed_after

    number = counted(len(found), "appearance")
    if record is None:
        yield f"{number} of {counted(len({a.person for a in found}), 'person', 'persons')}"
    else:
        hits = counted(sum(a.hit for a in found), "hit")
        yield f"{number} of search {record.id} of {record.started:%Y-%m-%d %H:%M:%S%z}, {hits}"
        if limits := _limits(record):
            yield f"that search was limited to {limits}"
        if later := indexed_after(case, record):
            yield f"indexed after that search, wholly or in part, and not in it: {_names(later)}"
    if coverage.has_gaps:
        gaps = [stream.exhibit for stream in coverage.streams if stream.has_gaps or stream.changed]
        names = _names([*gaps, *(item.subject for item in coverage.unsearched)])
        yield f"not all was searched of {names}{'' if written else '; --coverage FILE says what was not'}"


def _limits(record: SearchRecord) -> str:
    """What part of the case a search went through, as it was recorded; empty where it was all of it."""
    told = dict(record.run.get("selection", {}))
    if told.get("window") == "all of it":
        del told["window"]
    return "; ".join(
        f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in told.items()
        if value
    )


def _names(names: Iterable[str]) -> str:
    return enumerated(dict.fromkeys(shown(name) for name in names), MOST_NAMES)


def _coverage_table(coverage: Coverage) -> bytes:
    from retrofr.exporters.csv import write_coverage

    table = io.BytesIO()
    write_coverage(coverage, table)
    return table.getvalue()


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OutputError(
            "exists already, and nothing is overwritten",
            subject=str(path),
            hint="name another file, or move this one away",
        )


def _write(path: Path | None, data: bytes) -> None:
    """To a file that must not exist, or to stdout; of a file that cannot be written whole nothing is left."""
    from ..output import writing_to_stdout

    if path is None:
        with writing_to_stdout():
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        return
    made = False
    try:
        with path.open("xb") as file:
            made = True
            file.write(data)
    except FileExistsError:
        _refuse_to_overwrite(path)
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error
