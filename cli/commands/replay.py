"""``retrofr replay``: the search of a disclosure bundle, run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrofr.settings import IndexSettings

from ..operator_option import operator_option
from ..options import (
    Command,
    Option,
    PartName,
    common_options,
    device_option,
    gather_settings,
    report_format_option,
    setting_option,
)
from ..oversight_options import oversight_options
from ..progress import progress_options, reporter

EXAMPLES = """\b
Examples:
  Run the search of a bundle again on the recordings, and print what differs:
    retrofr replay bundle/ --footage footage/ --probe suspect.jpg
  In a script:
    retrofr replay bundle/ --footage footage/ --probe photos/ --format json

\b
Exit codes:
  0 nothing differs   1 something differs   10 recordings are missing
  2 usage   3 no recording is there   4 the bundle was altered
  6 weights or settings are others here   8 refused   130 stopped
"""


@click.command(
    cls=Command, epilog=EXAMPLES, short_help="Run the search of a bundle again; print what differs."
)
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--footage",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    cls=Option,
    section="What to run it on",
    help="Where the recordings lie, whatever they are called; they are known by their SHA-256.",
)
@click.option(
    "--probe",
    "probes",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    cls=Option,
    section="What to run it on",
    help="A picture that was searched for, or a folder of them; known by their SHA-256. Repeatable.",
)
@report_format_option
@setting_option("--engine", IndexSettings, "engine", section="How to run it", type=PartName("engines"))
@setting_option("--workers", IndexSettings, "workers", section="How to run it")
@device_option("How to run it")
@oversight_options("Record", probes=True)
@operator_option("Record")
@progress_options(told="differences")
@common_options
def command(
    bundle: Path,
    footage: Path,
    probes: tuple[Path, ...],
    format_name: str,
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Verify a bundle, run its search again on the recordings, and print the difference.

    Weights and settings must be those of the bundle. Times must be equal, and scores within 0.005: on the machine
    that made it nothing differs. What is indexed for this is gone afterwards.
    """
    from retrofr.disclosure.replaying import replay, replay_document

    from ..bundle_view import print_document, print_replay

    settings = gather_settings(None, (), flags)
    with reporter(progress, quiet=quiet) as listener:
        result = replay(
            bundle, footage, probes, device=settings.device, index=settings.index, listener=listener
        )
    if format_name == "json":
        print_document(replay_document(result))
    else:
        print_replay(result)
    return result.exit_code
