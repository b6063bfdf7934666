"""A page on paper: a PDF, made by a Chromium that is on this machine. It looks nothing up, and keeps nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from retrofr.errors import OutputError, UsageError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_LONGEST_SECONDS = 900
_QUIET = (
    *(
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-extensions",
        "--disable-background-networking",
    ),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND"),
)


def find_browser() -> str | None:
    """A Chromium on this machine; None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def need_browser() -> str:
    """The browser that prints.

    Raises:
        UsageError: there is none.
    """
    browser = find_browser()
    if browser is None:
        raise UsageError(
            "needs Chromium or Chrome, and neither is on this machine",
            subject="--pdf",
            hint="install one, or leave out --pdf and print the page from another browser: it is made for paper",
        )
    return browser


def print_page(page: Path, pdf: Path, browser: str) -> None:
    """Print a page to a PDF beside or away from it.

    Args:
        page: an HTML file of retrofr's own, with what lies beside it.
        pdf: must not exist.
        browser: as :func:`need_browser` gives it.

    Raises:
        OutputError: the browser did not print it; then there is no PDF.
    """
    # Chromium's sandbox does not run for root; the page is our own and reaches no network.
    alone = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="retrofr-pdf-") as place:
        made = Path(place) / "page.pdf"
        command = [browser, *_QUIET, *alone, f"--user-data-dir={place}/profile", "--no-pdf-header-footer"]
        command += [f"--print-to-pdf={made}", page.absolute().as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=_LONGEST_SECONDS, check=False)
            data = made.read_bytes()
            if not data.startswith(b"%PDF"):
                raise OSError("it printed something else")
            with pdf.open("xb") as file:
                file.write(data)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OutputError(
                f"was not printed by {Path(browser).name} ({getattr(error, 'strerror', None) or error})",
                subject=str(pdf),
                hint=f"{page.name} is written: print it from a browser",
            ) from error
