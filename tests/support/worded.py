"""Reads what commands print and write for words that settle what an examiner is to conclude."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from PIL import Image

from retrofr.oversight.words import forbidden_words

FORMATS = ("table", "csv", "jsonl", "json")


def invoke(*arguments: str | Path, columns: int) -> Result:
    """Run a command line in this process."""
    from retrofr_cli.main import cli

    return CliRunner().invoke(cli, [str(a) for a in arguments], env={"COLUMNS": str(columns)})


def refuse(where: str, text: str, own_words: Iterable[str] = ()) -> None:
    """Fail where the text has a forbidden word."""
    found = [f"{each.word!r} in “{each.context}”: {each.reason}" for each in forbidden_words(text, own_words)]
    assert not found, f"{where}: {'; '.join(found)}"


def refuse_of(
    run: Any, *arguments: str | Path, own_words: Iterable[str] = (), exit_codes: Iterable[int] = (0,)
) -> str:
    """Run a command, and read what it prints; gives it."""
    result = run(*arguments, columns=200)
    assert result.exit_code in exit_codes, (arguments, result.stderr)
    refuse(" ".join(map(str, arguments)), result.stdout + result.stderr, own_words)
    return str(result.stdout)


def refuse_folder(folder: Path, own_words: Iterable[str] = ()) -> set[str]:
    """Read the names of files, the text of those that are text, and the words in pictures; gives the suffixes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        refuse(str(path), path.relative_to(folder).as_posix(), own_words)
        if path.suffix in (".jpg", ".png"):
            refuse(str(path), _comments(path), own_words)
        else:
            refuse(str(path), path.read_text(encoding="utf-8"), own_words)
    return {path.suffix for path in files}


def _comments(path: Path) -> str:
    """What a picture carries beside its pixels; nothing of those of tests that are no pictures."""
    data = path.read_bytes()
    if data[:2] not in (b"\xff\xd8", b"\x89P"):
        return ""
    with Image.open(io.BytesIO(data)) as image:
        return " ".join(str(value) for value in image.info.values())


def refuse_of_case(
    run: Any, case: Path, stills: Path, candidate: str = "1", people: tuple[str, ...] = ()
) -> None:
    """Run each command that tells of a case, in each of its formats, and read what it prints and writes.

    Args:
        run: as the fixture of this name.
        case: with a search.
        stills: where pictures are written; ``candidate``: of whom, by its number.
        people: options of ``people``.
    """
    at, one = ("--case", case), ("--candidate", candidate)
    for form in FORMATS:
        refuse_of(run, "people", "--all", *at, "--format", form, *people)
        refuse_of(run, "audit", "summary", *at, "--format", form)
        refuse_of(run, "audit", "show", *at, "--format", form)
    for form in FORMATS[1:]:
        refuse_of(run, "export", *at, "--format", form)
    for form in ("table", "json"):
        refuse_of(run, "case", "show", *at, "--format", form)
        refuse_of(run, "audit", "verify", *at, "--format", form)
        refuse_of(run, "verdict", "show", *at, *one, "--format", form)
    for form in ("table", "csv", "json"):
        refuse_of(run, "verdict", "list", *at, "--format", form)
    report = stills.with_name(f"{stills.name}-report")
    refuse_of(run, "report", *at, "--out", report)
    assert refuse_folder(report) >= {".html"}
    faces = stills.with_name(f"{stills.name}-faces")
    refuse_of(run, "export", *at, "--stills", stills, "--out", stills.with_suffix(".csv"))
    refuse_of(run, "verdict", "pictures", *at, *one, "--out", faces)
    for folder in (stills, faces):
        assert refuse_folder(folder) & {".jpg", ".png"}
