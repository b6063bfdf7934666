"""``retrofr verify``: whether a disclosure bundle is as it was signed."""

from __future__ import annotations

import re
from pathlib import Path

import click

from retrofr.errors import UsageError

from ..options import Command, Option, common_options, report_format_option

_KEY = re.compile("[0-9a-f]{64}")

EXAMPLES = """\b
Examples:
  Is this bundle as it was signed?
    retrofr verify bundle/
  And by whom? KEY is the operator's public key, obtained in another way:
    retrofr verify bundle/ --key KEY
  `retrofr export --format bundle` makes one, `retrofr replay` runs its
  search again; docs/bundle.md says what this can and cannot show.

\b
Exit codes:
  0 as it was signed   2 usage   4 altered: a file is named   5 case
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Check that a bundle is as it was signed.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="HEX",
    cls=Option,
    section="Check",
    help="The public key that must have signed it: 64 hexadecimal digits. Without it any key will do, "
    "and the one that signed is printed.",
)
@report_format_option
@common_options
def command(bundle: Path, key: str | None, format_name: str) -> int:
    """Check the form of a bundle, its signature, every file in it, and the chain of its audit log.

    Any altered, missing or added file is named. The bundle is only read, and needs no case and no footage.
    """
    from retrofr.disclosure.verifying import verification_document, verify_bundle

    from ..bundle_view import print_document, print_verification

    wanted = None if key is None else key.strip().lower()
    if wanted is not None and not _KEY.fullmatch(wanted):
        raise UsageError("expected 64 hexadecimal digits", subject="--key")
    verification = verify_bundle(bundle, wanted)
    if format_name == "json":
        print_document(verification_document(verification))
    else:
        print_verification(verification)
    verification.require()
    return 0
