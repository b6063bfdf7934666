"""A report as a folder: the page, and its pictures beside it. Copied as a whole it opens anywhere."""

from __future__ import annotations

from pathlib import Path

from retrofr.documents import encoded
from retrofr.pages.folder import write_folder
from retrofr.reporting.page import PAGE, report_page
from retrofr.reporting.searched import Searched


def report_files(searched: Searched) -> dict[str, bytes]:
    """The pictures that the page needs beside those that the search itself writes, then the page, by name."""
    return {**searched.pictures, PAGE: encoded(report_page(searched))}


def write_report(searched: Searched, folder: Path) -> list[str]:
    """Write a report; gives the names written, the page last.

    Args:
        searched: with all of its pictures.
        folder: new or empty.

    Raises:
        OutputError: it is no folder, is not empty, or cannot be written to; then nothing new is left in it.
    """
    return write_folder(report_files(searched), folder)
