"""``retrofr report``: a search of a case as a page for people, to read on a screen and on paper."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..case_options import case_option, opened_case
from ..operator_option import operator_option
from ..options import Command, Option, common_options
from ..text import counted, shown

EXAMPLES = """\b
Examples:
  A page on the last search, with its pictures beside it:
    retrofr report --case case/ --out report/
  On search 3, with everybody of the case on the contact sheet:
    retrofr report --case case/ --search 3 --people --out report-3/
  The same on paper as well:
    retrofr report --case case/ --pdf --out report-paper/
  `retrofr search FOOTAGE --out DIR` writes the same page without a case.

\b
Exit codes:
  0 written   2 usage   5 case   7 output   8 refused   130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Write a page on a search of a case, for people.")
@case_option(required=True)
@click.option(
    "--search",
    "search",
    type=click.IntRange(min=1),
    metavar="N",
    cls=Option,
    section="What to report",
    help="Which search.  [default the last one]",
)
@click.option(
    "--people",
    is_flag=True,
    cls=Option,
    section="What to report",
    help="Put all persons of the case on the contact sheet, also those that are no candidates of the search. "
    "Their faces are shown: give such a report to nobody who may not see them.",
)
@click.option(
    "--out",
    "out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    required=True,
    cls=Option,
    section="Result",
    help="The folder to write to, new or empty: report.html, and its pictures in stills/.",
)
@click.option(
    "--pdf",
    is_flag=True,
    cls=Option,
    section="Result",
    help="Also print the page to report.pdf in that folder. Needs Chromium or Chrome.",
)
@operator_option("Record")
@common_options
def command(case_path: Path, search: int | None, people: bool, out: Path, pdf: bool) -> int:
    """Write one page on a search of a case: report.html, which needs no network, with its pictures.

    It says what was asked and by whose authority, draws the timeline of all cameras with what was not searched,
    shows each hit, and states how often this goes wrong. Footage is not needed.
    """
    from retrofr.pages.folder import check_folder
    from retrofr.pages.printing import need_browser, print_page
    from retrofr.reporting.folder import write_report

    browser = need_browser() if pdf else None
    check_folder(out)
    with opened_case(case_path) as case:
        from retrofr.case.audit import acting
        from retrofr.reporting.of_case import of_case

        with acting(case, "export", details={"format": "report", "search": search, "people": people}) as act:
            searched = of_case(case, search, everybody=people)
            act.details["search"] = searched.run["search"]
            names = write_report(searched, out)
        if browser is not None:
            print_page(out / names[-1], out / "report.pdf", browser)
    hits, pictures = counted(len(searched.hits), "hit"), counted(len(names) - 1, "picture")
    paper = ", and on paper as report.pdf" if pdf else ""
    print(
        f"{shown(str(out / names[-1]))}: search {searched.run['search']}, {hits}, {pictures}{paper}",
        file=sys.stderr,
    )
    return 0
