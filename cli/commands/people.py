"""``retrofr people``: the persons of a case, unnamed, and what an examiner decides about them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import CaseError, UsageError

from ..case_options import at_most_one_case, case_option, opened_case
from ..options import (
    Command,
    Option,
    common_options,
    format_option,
    gather_settings,
    report_format_option,
    settings_options,
)

if TYPE_CHECKING:
    from retrofr.case.person_facts import People
    from retrofr.case.store import Case
    from retrofr.recipe import Recipe

EXAMPLES = """\b
Examples:
  Who is in the case, over all cameras:
    retrofr people --case DIR
  The same with a picture of each person's best face:
    retrofr people --case DIR --sheet faces.jpg
  When and where person 7 is seen, and how sure each piece is:
    retrofr people show 7 --case DIR
  Persons 7 and 12 are one; tracklet 318 is not person 7:
    retrofr people merge 7 12 --case DIR --why "same scar"
    retrofr people split 7 --tracklet 318 --case DIR --why "ears differ"

\b
Exit codes:
  0 done   2 usage or settings   5 case   6 model   7 output
"""

SHOW_EXAMPLES = """\b
Examples:
  retrofr people show 7 --case DIR
  retrofr people show 7 --case DIR --format json
"""

MERGE_EXAMPLES = """\b
Examples:
  retrofr people merge 7 12 --case DIR --why "same scar"
"""

SPLIT_EXAMPLES = """\b
Examples:
  retrofr people split 7 --tracklet 318 --case DIR --why "ears differ"
  retrofr people split 7 --appearance 2 --case DIR --why "ears differ"
"""

DECISION = "Decision"


class Group(click.Group):
    """A group whose help shows its options under headings, then its commands."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_options(self, ctx, formatter)  # type: ignore[arg-type]
        self.format_commands(ctx, formatter)


@click.group(
    cls=Group,
    epilog=EXAMPLES,
    invoke_without_command=True,
    short_help="Cluster the faces of a case into unnamed persons.",
)
@case_option(required=False)
@click.option(
    "--all",
    "everybody",
    is_flag=True,
    cls=Option,
    section="Result",
    help="Also list persons of one tracklet.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Also write a contact sheet, .jpg or .png, not encrypted. The file must not exist.",
)
@format_option
@settings_options("How to cluster", example="people.threshold=3.5")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    case_path: Path | None,
    everybody: bool,
    sheet: Path | None,
    format_name: str | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    """Cluster the faces of a case into unnamed persons over all cameras, and list them.

    What was indexed since the last time is clustered first. A person keeps its number.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from retrofr.people import cluster_case, is_current, people_of, people_threshold
    from retrofr.recipe import scorer_of

    settings = gather_settings(settings_file, assignments, {})
    if sheet is not None:
        from ..people_view import check_sheet

        check_sheet(sheet)
    with opened_case(_given(ctx, case_path)) as case:
        recipe = _recipe(case)
        scorer = scorer_of(recipe)
        people_threshold(settings.people, scorer)  # refused before anything is read
        if not is_current(case, recipe, scorer, settings.people):
            cluster_case(case, recipe, scorer, settings.people)
        people = people_of(case, recipe, join_gap_seconds=settings.search.join_gap_seconds)
        if sheet is not None:
            from ..people_view import write_sheet

            write_sheet(case, people, sheet, everybody=everybody)
        _print_people(
            case, recipe, people, format_name or ("table" if sys.stdout.isatty() else "jsonl"), everybody
        )
    return 0


@command.command("show", cls=Command, epilog=SHOW_EXAMPLES, short_help="Show one person.")
@click.argument("number", type=int)
@case_option(required=False)
@report_format_option
@settings_options("How to join", example="search.join_gap_seconds=10")
@common_options
@click.pass_context
def show_person(
    ctx: click.Context,
    number: int,
    case_path: Path | None,
    format_name: str,
    settings_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    """Show when and where person NUMBER is seen, how alike its tracklets are, and what was decided about it."""
    from retrofr.people import person_detail
    from retrofr.recipe import scorer_of

    from ..output import table_output, writing_to_stdout
    from ..people_view import detail_document, print_detail

    gap = gather_settings(settings_file, assignments, {}).search.join_gap_seconds
    with opened_case(_given(ctx, case_path)) as case:
        recipe = _recipe(case)
        detail = person_detail(case, recipe, scorer_of(recipe), number, join_gap_seconds=gap)
    if format_name == "json":
        _write(_json(detail_document(detail), indent=2))
        return 0
    with writing_to_stdout(), table_output(sys.stdout) as console:
        print_detail(console, detail)
    return 0


def decision_options(function: Any) -> Any:
    """``--why`` and ``--by`` of what is recorded."""
    why = click.option(
        "--why",
        required=True,
        metavar="TEXT",
        cls=Option,
        section=DECISION,
        help="The reason, for the record.",
    )
    by = click.option(
        "--by", metavar="NAME", cls=Option, section=DECISION, help="Who decided.  [default the user of this computer]"
    )  # fmt: skip
    return why(by(function))


@command.command("merge", cls=Command, epilog=MERGE_EXAMPLES, short_help="Record that persons are one.")
@click.argument("numbers", nargs=-1, required=True, type=int, metavar="NUMBER NUMBER...")
@case_option(required=False)
@decision_options
@common_options
@click.pass_context
def merge(
    ctx: click.Context, numbers: tuple[int, ...], case_path: Path | None, why: str, by: str | None
) -> int:
    """Record that persons are one; the first NUMBER stays. Later clusterings keep to it.

    Refused where two of their tracklets are there at the same time in one recording.
    """
    from retrofr.people import merge_people
    from retrofr.recipe import scorer_of

    with opened_case(_given(ctx, case_path)) as case:
        recipe = _recipe(case)
        merge_people(case, recipe, scorer_of(recipe), numbers, why=_reason(why), by=by)
        _tell_last_decision(case, recipe)
    return 0


@command.command(
    "split", cls=Command, epilog=SPLIT_EXAMPLES, short_help="Record that a part of a person is another."
)
@click.argument("number", type=int)
@click.option(
    "--tracklet", "tracklets", type=int, multiple=True, metavar="ID", cls=Option, section=DECISION,
    help="A tracklet to split off, as `people show` lists them. Repeatable.",
)  # fmt: skip
@click.option(
    "--appearance", "appearances", type=int, multiple=True, metavar="N", cls=Option, section=DECISION,
    help="An appearance to split off, as `people show` counts them. Repeatable.",
)  # fmt: skip
@case_option(required=False)
@decision_options
@settings_options("How to join", example="search.join_gap_seconds=10")
@common_options
@click.pass_context
def split(
    ctx: click.Context,
    number: int,
    tracklets: tuple[int, ...],
    appearances: tuple[int, ...],
    case_path: Path | None,
    why: str,
    by: str | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    """Record that tracklets of person NUMBER are another person, which gets a new number."""
    from retrofr.people import appearance_tracklets, split_person
    from retrofr.recipe import scorer_of

    gap = gather_settings(settings_file, assignments, {}).search.join_gap_seconds
    if not tracklets and not appearances:
        raise UsageError("say what to split off, with --tracklet or --appearance")
    with opened_case(_given(ctx, case_path)) as case:
        recipe = _recipe(case)
        chosen = [*tracklets]
        if appearances:
            chosen += appearance_tracklets(case, recipe, number, appearances, join_gap_seconds=gap)
        split_person(case, recipe, scorer_of(recipe), number, chosen, why=_reason(why), by=by)
        _tell_last_decision(case, recipe)
    return 0


def _given(ctx: click.Context, case_path: Path | None) -> Path:
    """The case, which may stand before or behind the name of the subcommand."""
    above = None if ctx.parent is None else ctx.parent.params.get("case_path")
    chosen = at_most_one_case([path for path in (above, case_path) if path is not None])
    if chosen is None:
        raise UsageError("say which case, with --case DIR")
    return Path(chosen)


def _recipe(case: Case) -> Recipe:
    from retrofr.case.exhibits import active_recipe

    recipe = active_recipe(case)
    if recipe is None:
        raise CaseError(
            "holds no footage yet, so there are no faces to cluster",
            subject=case.name,
            hint="`retrofr index FOOTAGE --case DIR` brings some in",
        )
    return recipe


def _reason(why: str) -> str:
    if not why.strip():
        raise UsageError("a decision is recorded with its reason", subject="--why")
    return why.strip()


def _tell_last_decision(case: Case, recipe: Recipe) -> None:
    from retrofr.people import decisions

    from ..output import writing_to_stdout
    from ..text import shown

    last = decisions(case, recipe.key)[-1]
    with writing_to_stdout():
        click.echo(f"recorded: {last.describe()}, by {shown(last.by)}: {shown(last.why or '')}")


def _print_people(case: Case, recipe: Recipe, people: People, format_name: str, everybody: bool) -> None:
    from ..output import table_output, writing_to_stdout
    from ..people_view import csv_of_people, listed, people_document, person_document, print_people

    if format_name == "table":
        with writing_to_stdout(), table_output(sys.stdout) as console:
            print_people(console, people, everybody=everybody)
        return
    persons, whole = listed(people, everybody=everybody), people_document(case, recipe, people)
    if format_name == "csv":
        _write(csv_of_people(persons))
    elif format_name == "json":
        _write(_json(whole | {"person_list": [person_document(person) for person in persons]}, indent=2))
    else:
        _write("".join(_json(document) for document in [*map(person_document, persons), whole]))


def _json(document: Any, indent: int | None = None) -> str:
    from retrofr.documents import json_text

    return json_text(document, indent=indent) + "\n"


def _write(text: str) -> None:
    from retrofr.documents import encoded

    from ..output import writing_to_stdout

    with writing_to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(text))
