"""``retrofr export``: what a case holds, for other programs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrofr.errors import UsageError
from retrofr.exporting.formats import FORMATS, find, load, names

from ..case_options import case_option, opened_case
from ..clip_options import check_clip_options, clip_options, clips_of
from ..export_output import checked_options, destination, refuse_to_overwrite, write_file
from ..operator_option import operator_option
from ..options import Command, Option, common_options
from ..redaction_option import refuse_without_pictures, unredacted_option
from ..text import counted, enumerated, shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from retrofr.case.searches import SearchRecord
    from retrofr.case.store import Case
    from retrofr.exporting.formats import Format
    from retrofr.exporting.material import BundleSource, Material
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
  Cues that a player shows while the footage runs:
    retrofr export --case case/ --format webvtt --out cues/
  A video of each appearance, in which everybody else is hidden:
    retrofr export --case case/ --format clips --footage footage/ --out clips/
  All that is needed to check a search and to run it again, signed:
    retrofr export --case case/ --format bundle --out bundle/

\b
Formats (docs/exports.md; those that write a folder need --out):
{formats}

\b
Exit codes:
  0 written   2 usage   4 other footage   5 case   6 nets   7 output
  130 stopped
""".format(formats="\n".join(f"  {each.name:<12}{each.summary}" for each in FORMATS))


class ExportName(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.5 on
    """The name of an export format; the shell completes it, the library checks it."""

    name = "name"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


@click.command(cls=Command, epilog=EXAMPLES, short_help="Write the timeline of a case, for other programs.")
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
    type=ExportName(),
    default="csv",
    metavar="NAME",
    cls=Option,
    section="Result",
    help="One of the formats below.  [default csv]",
)
@click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    cls=Option,
    section="Result",
    help="Where to write: a file that must not exist, or for formats that write a folder one that is new or "
    "empty.  [default stdout]",
)
@click.option(
    "--bom",
    is_flag=True,
    cls=Option,
    section="Result",
    help="Begin CSV with a byte-order mark: Excel then knows that it is UTF-8.",
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
@unredacted_option("--stills and clips")
@clip_options("Result")
@click.option(
    "--coverage",
    "coverage_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Also write what was and was not searched, as CSV; the file must not exist.",
)
@operator_option("Record")
@common_options
def command(
    case_path: Path,
    search: int | None,
    people: bool,
    format_name: str,
    out: Path | None,
    bom: bool,
    stills: Path | None,
    unredacted: str | None,
    footage: Path | None,
    margin: float | None,
    coverage_file: Path | None,
) -> int:
    """Write the timeline of a case: one record for each appearance, in the order of time.

    The columns are those of `retrofr search --format csv`; docs/timeline.md describes them. Footage is needed
    for clips only.
    """
    if people and search is not None:
        raise UsageError(
            "--people gives appearances without any probe", hint="leave out --search or --people"
        )
    wanted, export = find(format_name), load(format_name)
    if wanted.needs_case and (people or stills is not None):
        option, why = ("--people", "is of one search") if people else ("--stills", "has them in its report")
        raise UsageError(why, subject=f"--format {format_name}", hint=f"leave out {option}")
    margin_seconds = check_clip_options(wanted, footage, margin)
    refuse_without_pictures(unredacted, stills or footage, "--stills or --format clips")
    options = replace(checked_options(wanted, out, bom=bom), margin_seconds=margin_seconds)
    if coverage_file is not None:
        refuse_to_overwrite(coverage_file)
    with opened_case(case_path) as case:
        from retrofr.case.audit import acting
        from retrofr.exporting.material import material_of

        asked: dict[str, object] = {"format": format_name, "search": search, "people": people}
        if stills is not None or footage is not None:
            asked |= {"pictures": True, "unredacted": unredacted is not None}
        doing = acting(case, "export", reason=unredacted, details=asked)
        with doing as act, destination(wanted, out) as output:
            material = material_of(case, search=search, people=people)
            if stills is not None:
                found, seen_from = material.appearances, _as_seen_from(out, stills)
                pictured = _write_stills(case, found, stills, seen_from, unredacted)
                material = replace(material, appearances=pictured)
            stated = wanted.states_coverage or coverage_file is not None
            for line in _told(case, material, stated=stated):
                print(line, file=sys.stderr)
            if coverage_file is not None:
                write_file(coverage_file, _coverage_table(material.coverage))
            with clips_of(case, material, footage, unredacted) as clips:
                options = replace(options, clips=clips, case=_bundle_of(case, material, wanted))
                lacking = [clause for clause in (wanted.cannot, *export(material, options, output)) if clause]
            if lacking:
                print(f"not in {format_name}: {'; '.join(lacking)}", file=sys.stderr)
            act.details |= {"files": output.files, "sha256": output.sha256}
    return 0


def _bundle_of(case: Case, material: Material, wanted: Format) -> BundleSource | None:
    """What a bundle has of the case; None for formats that have no more than the records."""
    if not wanted.needs_case:
        return None
    from retrofr.exporting.case_bundle import CaseBundle

    return CaseBundle(case, material)


def _write_stills(
    case: Case, found: Sequence[Appearance], stills: Path, named: Path, unredacted: str | None
) -> tuple[Appearance, ...]:
    """Write them, and say whom they hide."""
    from retrofr.case_stills import case_check, write_stills
    from retrofr.redaction.record import NOBODY_HIDDEN

    check = None if unredacted is not None else case_check(case)
    told = f"{NOBODY_HIDDEN} ({shown(unredacted)})" if unredacted is not None else ""
    written = write_stills(case, found, stills, named=named, check=check)
    if any(appearance.still for appearance in written):
        print(f"pictures: {told if check is None else check.how.describe()}", file=sys.stderr)
    return written


def _as_seen_from(out: Path | None, stills: Path) -> Path:
    """The folder of stills as a reader of the file finds it, who has both; as it was given where that is not below."""
    if out is not None and stills.absolute().is_relative_to(out.absolute().parent):
        return stills.absolute().relative_to(out.absolute().parent)
    return stills


def _told(case: Case, material: Material, *, stated: bool) -> Iterator[str]:
    """What this is a timeline of, and what is not in it."""
    from retrofr.timeline import indexed_after

    found, record, coverage = material.appearances, material.search, material.coverage
    number = counted(len(found), "appearance")
    if record is None:
        yield f"{number} of {counted(len({a.person for a in found}), 'person', 'persons')}"
    else:
        hits = counted(sum(a.hit for a in found), "hit")
        yield f"{number} of search {record.id} of {record.started:%Y-%m-%d %H:%M:%S%z}, {hits}"
        if limits := _limits(record, {sha256: e.name for sha256, e in material.exhibits.items()}):
            yield f"that search was limited to {limits}"
        if later := indexed_after(case, record):
            yield f"indexed after that search, wholly or in part, and not in it: {_names(later)}"
    if coverage.has_gaps:
        gaps = [stream.exhibit for stream in coverage.streams if stream.has_gaps or stream.changed]
        names = _names([*gaps, *(item.subject for item in coverage.unsearched)])
        yield f"not all was searched of {names}{'' if stated else '; --coverage FILE says what was not'}"
    yield shown(material.authority)


def _limits(record: SearchRecord, exhibits: Mapping[str, str]) -> str:
    """What part of the case a search went through, as it was recorded; empty where it was all of it.

    ``exhibits``: their names by SHA-256, for some searches are recorded with the digests.
    """
    told = dict(record.run.get("selection", {}))
    if told.get("window") == "all of it":
        del told["window"]
    return "; ".join(
        f"{name.replace('_', ' ')} "
        f"{_names(exhibits.get(item, item) for item in value) if isinstance(value, list) else value}"
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
