"""The page of the manual is what the table says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from recordings.cases import Expected, read_table

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_recordings.py"


def written() -> str:
    spec = importlib.util.spec_from_file_location("make_recordings", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.page()
    return text


def test_the_page_is_what_the_table_says() -> None:
    kept = SCRIPT.with_name("recordings.md").read_text(encoding="utf-8")
    assert kept == written(), "run: python docs/make_recordings.py"


def test_the_page_tells_every_case() -> None:
    text = written()
    for case in read_table()[1]:
        assert f"| **{case.title}** | {case.happens} | {case.does} |" in text


def test_no_two_cases_have_one_title() -> None:
    titles = [case.title for case in read_table()[1]]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "done", "frames": 1}, "status is done"),
        ({"status": "none"}, "what is not searched has a reason"),
        ({"status": "searched", "frames": 1, "reason": "x"}, "what is not searched has a reason"),
        ({"status": "gaps"}, "how many frames"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Expected(file="x.mp4", **fields)  # type: ignore[arg-type]


def test_a_mistyped_field_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "cases.toml"
    table.write_text(
        '[[group]]\nkey = "a"\ntitle = "A"\nintro = ""\n'
        '[[case]]\ngroup = "a"\ntitle = "T"\nhappens = ""\ndoes = ""\n'
        '[[case.file]]\nfile = "x.mp4"\nstatus = "searched"\nframe = 1\n',
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match=r"x\.mp4: no field frame"):
        read_table(table)
