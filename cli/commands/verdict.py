"""``retrofr verdict``: what examiners conclude of candidates, each before they see a score or another's conclusion."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import UsageError

from ..case_options import case_option, opened_case
from ..operator_option import operator_option
from ..options import Command, Option, common_options, report_format_option

if TYPE_CHECKING:
    from retrofr.case.store import Case

    from ..verdict_view import Listing

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
WHICH, WHAT = "Which candidate", "Verdict"

EXAMPLES = """\b
Examples:
  What there is to examine in the last search:
    retrofr verdict list --case DIR --operator "A. Smith"
  The faces of candidate 318 and of its probe, beside each other:
    retrofr verdict pictures --case DIR --candidate 318 --out faces/
  Your verdict, asked for step by step, or in one line:
    retrofr verdict give --case DIR --candidate 318 --operator "A. Smith"
    retrofr verdict give --case DIR --candidate 318 --operator "A. Smith" \\
      --conclusion weak-same --notes "ears alike; scar not visible"
  What was concluded:
    retrofr verdict show --case DIR --candidate 318 --operator "A. Smith"

\b
Exit codes:
  0 done   8 refused: a second verdict of one examiner, or by one key
  2 usage   4 a verdict was altered   5 case   7 output
"""

LIST_EXAMPLES = """\b
Examples:
  retrofr verdict list --case DIR
  retrofr verdict list --case DIR --search 3 --format csv > to-examine.csv
"""

PICTURES_EXAMPLES = """\b
Examples:
  retrofr verdict pictures --case DIR --candidate 318 --out faces/
"""

GIVE_EXAMPLES = """\b
Examples:
  retrofr verdict give --case DIR --candidate 318 --operator "A. Smith"
  retrofr verdict give --case DIR --candidate 318 --operator "A. Smith" \\
    --conclusion inconclusive --feature "ears=too blurred"

\b
Conclusions, a beginning that fits one is enough:
  strong-different moderate-different weak-different inconclusive
  weak-same moderate-same strong-same

\b
Exit codes:
  0 recorded   8 refused: a second verdict of one examiner, or by one key
  2 usage   4 a verdict was altered   5 case   7 it cannot be signed
"""

SHOW_EXAMPLES = """\b
Examples:
  retrofr verdict show --case DIR --candidate 318 --operator "A. Smith"
  retrofr verdict show --case DIR --candidate 318 --format json
"""


def candidate_options(function: Decorated) -> Decorated:
    """Options that name one candidate of one search."""
    hit = click.option(
        "--hit", type=click.IntRange(1), metavar="N", cls=Option, section=WHICH,
        help="In place of --candidate: number # of the search's result. It is a rank; that you know it is recorded.",
    )  # fmt: skip
    probe = click.option(
        "--probe", metavar="NAME", cls=Option, section=WHICH,
        help="The probe, where it is a candidate of several.",
    )  # fmt: skip
    candidate = click.option(
        "--candidate", type=click.IntRange(1), metavar="ID", cls=Option, section=WHICH,
        help="Its number, as `verdict list` has it: `tracklet` in a record of the search.",
    )  # fmt: skip
    return search_option(candidate(probe(hit(function))))


def search_option(function: Decorated) -> Decorated:
    """``--search N``."""
    return click.option(
        "--search", type=click.IntRange(1), metavar="ID", cls=Option, section=WHICH,
        help="Of which search.  [default the last one]",
    )(function)  # fmt: skip


def out_option(required: bool) -> Callable[[Decorated], Decorated]:
    """``--out DIR`` for pictures."""
    return click.option(
        "--out", type=click.Path(path_type=Path), required=required, metavar="DIR", cls=Option, section="Result",
        help="Write the faces of candidate and probe to this folder, new or empty; they are not encrypted.",
    )  # fmt: skip


@click.group(epilog=EXAMPLES, short_help="Record what examiners conclude of candidates.")
def command() -> None:
    """Record what examiners conclude of candidates: on a scale of two sides, with "inconclusive" in the middle.

    No score and no rank is shown before your own verdict; the first examiner's is sealed until the second has given
    theirs. What they conclude alike counts, in the weaker degree; where they differ it is inconclusive.
    """


@command.command("list", cls=Command, epilog=LIST_EXAMPLES, short_help="List candidates and their verdicts.")
@case_option(required=True)
@search_option
@click.option(
    "--format", "format_name", type=click.Choice(("table", "csv", "json")), default="table", cls=Option,
    section="Result", help="What to print on stdout.  [default table]",
)  # fmt: skip
@operator_option("Record")
@common_options
def list_candidates(case_path: Path, search: int | None, format_name: str) -> int:
    """List the candidates of a search, hits and others alike, in an order that says nothing of their ranks."""
    from ..verdict_view import listing_csv, listing_json, print_listing

    with opened_case(case_path) as case:
        told = _listing(case, search)
    if format_name == "table":
        _print_table(lambda console: print_listing(console, told))
    else:
        _print(listing_csv(told) if format_name == "csv" else listing_json(told) + "\n")
    return 0


@command.command(
    "pictures", cls=Command, epilog=PICTURES_EXAMPLES, short_help="Write the faces that are to be compared."
)
@case_option(required=True)
@candidate_options
@out_option(required=True)
@operator_option("Record")
@common_options
def pictures(
    case_path: Path, search: int | None, candidate: int | None, probe: str | None, hit: int | None, out: Path
) -> int:
    """Write the faces of a candidate and of its probe, one by one and side by side; recorded in the audit log."""
    from ..verdict_pictures import check_folder, picture_lines
    from ..verdict_view import choose, place_line

    check_folder(out)
    with opened_case(case_path) as case:
        told = _listing(case, search)
        item = choose(told, candidate, probe, hit)
        lines = [place_line(item, told.record.id), *picture_lines(case, told, item, out, _warn)]
    _tell(*lines)
    return 0


@command.command("give", cls=Command, epilog=GIVE_EXAMPLES, short_help="Give your verdict on a candidate.")
@case_option(required=True)
@candidate_options
@click.option(
    "--conclusion", metavar="WORD", cls=Option, section=WHAT, help="A step of the scale below.  [default ask]"
)
@click.option("--notes", metavar="TEXT", cls=Option, section=WHAT, help="What you saw.")
@click.option(
    "--notes-file", type=click.Path(path_type=Path), metavar="FILE", cls=Option, section=WHAT,
    help="What you saw, from a text file.",
)  # fmt: skip
@click.option(
    "--feature", "features", multiple=True, metavar="HEADING=TEXT", cls=Option, section=WHAT,
    help="What you saw of one feature: ears, nose, scars, ... Repeatable.",
)  # fmt: skip
@click.option(
    "--reason", metavar="TEXT", cls=Option, section=WHAT, help="Why it replaces your earlier verdict."
)
@out_option(required=False)
@report_format_option
@operator_option(WHAT)
@common_options
def give(
    case_path: Path,
    search: int | None,
    candidate: int | None,
    probe: str | None,
    hit: int | None,
    conclusion: str | None,
    notes: str | None,
    notes_file: Path | None,
    features: tuple[str, ...],
    reason: str | None,
    out: Path | None,
    format_name: str,
) -> int:
    """Give your verdict on a candidate. It is signed with your key and never changed; what is missing is asked for.

    Afterwards score and rank are shown. A later verdict of yours replaces it only with --reason, and both are kept.
    """
    from retrofr.case.verdicts import give_verdict, may_give
    from retrofr.oversight.verdicts import parse_conclusion

    from ..verdict_asking import Said, ask, gather_features, gather_notes
    from ..verdict_view import choose, given_lines, listing_json

    concluded = None if conclusion is None else parse_conclusion(conclusion)
    told_features, told_notes = gather_features(features), gather_notes(notes, notes_file)
    with opened_case(case_path) as case:
        told = _listing(case, search)
        item = choose(told, candidate, probe, hit)
        if concluded is None:
            may_give(case, item.candidate, reason, listener=_warn)
            said = ask(case, told, item, out, told_notes, told_features, _warn)
        elif out is not None:
            raise UsageError("look first, then conclude", subject="--out", hint="`retrofr verdict pictures`")
        else:
            said = Said(concluded, told_notes, None)
        given = give_verdict(
            case,
            item.candidate,
            said.conclusion,
            notes=said.notes,
            features=told_features,
            reason=reason,
            alone=said.alone,
            by_rank=hit is not None,
            reviewers=told.reviewers,
            listener=_warn,
        )
        after = _listing(case, told.record.id)
        item = choose(after, item.candidate.tracklet, item.candidate.probe, None)
    if format_name == "json":
        _print(listing_json(after, [item]) + "\n")
    else:
        _tell(*given_lines(after, item, given.verdict))
    return 0


@command.command("show", cls=Command, epilog=SHOW_EXAMPLES, short_help="Show the verdicts on a candidate.")
@case_option(required=True)
@candidate_options
@report_format_option
@operator_option("Record")
@common_options
def show(
    case_path: Path,
    search: int | None,
    candidate: int | None,
    probe: str | None,
    hit: int | None,
    format_name: str,
) -> int:
    """Show the verdicts on a candidate: your own, and the others' once as many are given as are asked for."""
    from ..verdict_view import choose, listing_json, print_candidate

    with opened_case(case_path) as case:
        told = _listing(case, search)
        item = choose(told, candidate, probe, hit)
    if format_name == "json":
        _print(listing_json(told, [item]) + "\n")
        return 0
    _print_table(lambda console: print_candidate(console, told, item))
    return 0


def _listing(case: Case, search: int | None) -> Listing:
    from retrofr.case.verdicts import reviewers_of
    from retrofr.oversight.operators import current_operator

    from ..verdict_view import listing

    return listing(case, search, current_operator(), reviewers_of(case))


def _warn(event: Any) -> None:
    from retrofr.events import Warned

    from ..text import shown

    if isinstance(event, Warned):
        click.echo(f"warning: {shown(event.subject)}: {shown(event.message)}", err=True)


def _print_table(show_on: Callable[[Any], None]) -> None:
    from ..output import table_output, writing_to_stdout

    with writing_to_stdout(), table_output(sys.stdout) as console:
        show_on(console)


def _print(text: str) -> None:
    from ..output import writing_to_stdout

    with writing_to_stdout():
        click.echo(text, nl=False)


def _tell(*lines: str) -> None:
    from ..text import shown

    _print("".join(f"{shown(line)}\n" for line in lines))
