"""Each of the thirty requirements of ``docs/safeguards.md`` is shown by a test named after it, or told as not done."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "safeguards.md"
HOW_MANY = 30

NAME = re.compile(r"test_requirement_(\d\d)_\w+")
COLUMNS = ["no.", "what is asked for", "shown by", "not done"]


@dataclass(frozen=True)
class Row:
    """A line of the table: the tests that it names, and what it says is missing."""

    number: int
    asked: str
    tests: tuple[str, ...]
    missing: str


def shown(sources: dict[str, str]) -> dict[str, int]:
    """Tests that are named after a requirement, with its number; those that never run show nothing."""
    found: dict[str, int] = {}
    for where, source in sources.items():
        if "test_requirement_" not in source:
            continue
        for node in ast.walk(ast.parse(source, where)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_requirement_"):
                named = NAME.fullmatch(node.name)
                assert named, f"{where}: {node.name} names no number of two digits"
                if not any(_never_runs(decorator) for decorator in node.decorator_list):
                    found[node.name] = int(named.group(1))
    return found


def _never_runs(decorator: ast.expr) -> bool:
    """``pytest.mark.skip`` and ``pytest.mark.xfail``, with or without a reason."""
    return re.match(r"pytest\.mark\.(skip|xfail)\b", ast.unparse(decorator)) is not None


def table(page: str) -> list[Row]:
    """The lines of the page's tables of requirements, in their order."""
    rows = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| no."):
            assert cells == COLUMNS
        elif cells[0].isdigit():
            assert len(cells) == len(COLUMNS), f"requirement {cells[0]} has {len(cells)} cells"
            number, asked, tests, missing = cells
            assert re.fullmatch(r"(`\w+`(, `\w+`)*)?", tests), f"requirement {number}: {tests}"
            rows.append(Row(int(number), asked, tuple(re.findall(r"`(\w+)`", tests)), missing))
    return rows


def faults(rows: list[Row], tests: dict[str, int]) -> list[str]:
    """What is wrong with the table; nothing where each requirement is shown or told as not done."""
    found = []
    if (numbers := [row.number for row in rows]) != list(range(1, HOW_MANY + 1)):
        found.append(f"the table has the numbers {numbers}")
    for row in rows:
        found += [f"{row.number}: there is no test {name}" for name in row.tests if name not in tests]
        if not row.tests and not row.missing:
            found.append(f"{row.number} is neither shown nor told as not done")
        if row.tests and row.number not in {tests.get(name) for name in row.tests}:
            found.append(f"{row.number}: no test of this number is named")
        if not row.tests and row.number in tests.values():
            found.append(f"{row.number} is told as not done, and there are tests of it")
    return found + [
        f"{name} shows no requirement" for name, number in tests.items() if not 1 <= number <= HOW_MANY
    ]


def test_each_requirement_is_shown_by_a_test_or_told_as_not_done() -> None:
    sources = {str(path): path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    assert faults(table(PAGE.read_text(encoding="utf-8")), shown(sources)) == []


def test_a_test_that_never_runs_shows_nothing() -> None:
    source = (
        "def test_requirement_03_runs(): pass\n"
        "@pytest.mark.skip(reason='later')\ndef test_requirement_04_does_not(): pass\n"
        "@pytest.mark.xfail\ndef test_requirement_05_fails(): pass\n"
        "class TestOfMore:\n    @pytest.mark.slow\n    def test_requirement_06_runs(self): pass\n"
        "def requirement_07(): pass\n"
    )
    assert shown({"a": source, "b": "def test_x(): pass"}) == {
        "test_requirement_03_runs": 3,
        "test_requirement_06_runs": 6,
    }


def test_a_table_that_is_not_right_is_noticed() -> None:
    asked = "| no. | what is asked for | shown by | not done |\n|---|---|---|---|\n"
    lines = [f"| {number} | something | `test_requirement_{number:02}_a` | |" for number in range(1, 31)]
    tests = {f"test_requirement_{number:02}_a": number for number in range(1, 31)}
    assert faults(table(asked + "\n".join(lines)), tests) == []
    lines[2] = "| 3 | something | | |"
    lines[4] = "| 5 | something | `test_requirement_05_gone` | |"
    lines[5] = "| 6 | something | | nobody could |"
    lines[6] = "| 7 | something | `test_requirement_08_a` | in part |"
    del tests["test_requirement_03_a"], lines[29]
    tests["test_requirement_31_a"] = 31
    assert faults(table(asked + "\n".join(lines)), tests) == [
        f"the table has the numbers {list(range(1, 30))}",
        "3 is neither shown nor told as not done",
        "5: there is no test test_requirement_05_gone",
        "5: no test of this number is named",
        "6 is told as not done, and there are tests of it",
        "7: no test of this number is named",
        "test_requirement_31_a shows no requirement",
    ]
