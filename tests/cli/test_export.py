"""``retrofr export``: the timeline of a case, its formats, its schemas, and what is promised about them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from fixed_results import appearance, fixed_case, search_result
from retrofr.case.exhibits import active_recipe
from retrofr.case.reading import case_coverage
from retrofr.case.searches import record_search
from retrofr.case.store import open_case
from retrofr.case.writing import streams
from retrofr.documents import COLUMNS, json_text, record
from retrofr.timeline import find_search
from retrofr_cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = DOCS / "schemas"

Export = Callable[..., Result]
Golden = Callable[[str, str], None]

UNCHECKED = ("--unredacted", "these pictures are grey, and show nobody")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    return fixed_case(tmp_path / "case")


@pytest.fixture
def export(run: Any, case: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    monkeypatch.setattr(main, "COMMANDS", tuple(dict.fromkeys([*main.COMMANDS, "export"])))
    return lambda *arguments: run("export", "--case", case, *arguments)


def table(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


# ---- stable between versions: these files change only by columns at the end -----------------------------------


def test_the_timeline_as_csv(export: Export, golden: Golden) -> None:
    result = export()
    assert result.exit_code == 0
    golden("timeline.csv", result.stdout_bytes.decode())


def test_the_timeline_as_jsonl(export: Export, golden: Golden) -> None:
    golden("timeline.jsonl", export("--search", "1", "--format", "jsonl").stdout)


def test_people_as_csv(export: Export, golden: Golden) -> None:
    golden("people.csv", export("--people").stdout_bytes.decode())


def test_the_first_columns_are_those_of_the_first_version() -> None:
    assert COLUMNS[:38] == (
        "rank", "probe", "exhibit", "exhibit_sha256", "stream", "start_seconds", "end_seconds", "start_time",
        "end_time", "time_source", "clock_source", "score", "faces", "still", "hit", "segment", "faces_seen",
        "best_seconds", "best_box_x1", "best_box_y1", "best_box_x2", "best_box_y2", "eye_distance_pixels",
        "still_face", "schema", "camera", "start_time_adjusted", "end_time_adjusted", "clock_status",
        "clock_offset_seconds", "clock_note", "ticks_per_second", "start_ticks", "end_ticks", "best_ticks",
        "faces_suspect", "best_suspect", "exhibit_changed",
    )  # fmt: skip


# ---- what it says and where it writes --------------------------------------------------------------------------


def test_stderr_says_what_it_is(export: Export) -> None:
    assert re.fullmatch(
        r"4 appearances of search 1 of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+0000, 3 hits\nauthority: not recorded\n",
        export().stderr,
    )
    assert export("--people").stderr == "4 appearances of 2 persons\nauthority: not recorded\n"


def test_what_came_later_and_what_was_not_searched_is_said(export: Export, case: Path) -> None:
    with open_case(case) as opened:
        opened.fetch_all("UPDATE searches SET started = '2020-01-01T00:00:00+00:00'")
        opened.fetch_all("UPDATE streams SET coverage = NULL WHERE id = 1")
        recipe = active_recipe(opened)
        assert recipe is not None
        assert [s.coverage is None for s in streams(opened, recipe.key)] == [True, False, False]
        assert case_coverage(opened, recipe.key).has_gaps
    lines = export().stderr.splitlines()
    assert lines[1:-1] == [
        "indexed after that search, wholly or in part, and not in it: "
        "cam1_20240114_225812.mp4, stairs/night – deck 3.mkv, yard.mkv",
        "not all was searched of cam1_20240114_225812.mp4; --coverage FILE says what was not",
    ]


def test_a_search_of_a_part_of_the_case_says_so(export: Export, case: Path) -> None:
    selection: dict[str, Any] = {"window": "all of it", "cameras": [], "exhibits": [], "min_quality": 0.0}
    with open_case(case) as opened:
        search = replace(find_search(opened), run={"selection": selection})
        record_search(opened, search)
        chosen = selection | {"cameras": ["door", "yard"], "min_quality": 0.5, "window": "from 22:00 on"}
        record_search(opened, replace(search, run={"selection": chosen}))
    assert len(export("--search", "2").stderr.splitlines()) == 2
    assert export("--search", "3").stderr.splitlines()[1:-1] == [
        "that search was limited to window from 22:00 on; cameras door, yard; min quality 0.5"
    ]


def test_files_are_written_with_stills_beside_them(export: Export, tmp_path: Path) -> None:
    out, stills, coverage = tmp_path / "t.csv", tmp_path / "pictures", tmp_path / "coverage.csv"
    result = export("--out", out, "--stills", stills, *UNCHECKED, "--coverage", coverage)
    assert (result.exit_code, result.stdout) == (0, "")
    rows = table(out.read_bytes())
    assert rows[0]["still"] == rows[0]["still_face"] == "pictures/search-1-hit-0001.jpg"
    assert all((tmp_path / row["still"]).is_file() for row in rows)
    assert [row["kind"] for row in table(coverage.read_bytes())] == ["searched"] * 3


def test_stills_elsewhere_are_called_as_given(export: Export, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    export("--out", tmp_path / "sub" / "t.csv", "--stills", tmp_path / "pictures", *UNCHECKED)
    (first, *_) = table((tmp_path / "sub" / "t.csv").read_bytes())
    assert first["still"] == f"{tmp_path}/pictures/search-1-hit-0001.jpg"


@pytest.mark.parametrize("option", ["--out", "--coverage"])
def test_nothing_is_overwritten(export: Export, tmp_path: Path, option: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("mine")
    result = export(option, file)
    assert (result.exit_code, file.read_text()) == (7, "mine")
    assert result.stderr == (
        f"error: {file}: exists already, and nothing is overwritten\n"
        "       name another file, or move this one away\n"
    )


def test_a_folder_that_is_not_there(export: Export, tmp_path: Path) -> None:
    result = export("--out", tmp_path / "no" / "t.csv")
    assert result.exit_code == 7
    assert "t.csv: cannot be written (No such file or directory)" in result.stderr


def test_errors_of_use(export: Export) -> None:
    both = export("--people", "--search", "1")
    assert (both.exit_code, both.stderr) == (
        2,
        "error: --people gives appearances without any probe\n       leave out --search or --people\n",
    )
    unknown = export("--format", "xls")
    assert unknown.exit_code == 2
    assert "no exporter is called 'xls'" in unknown.stderr
    missing = export("--search", "9")
    assert missing.exit_code == 5
    assert "holds no search 9\n       there are: 1" in missing.stderr


def test_a_terminal_shows_persons_only_where_there_are_any(run: Any, fake_search: Any) -> None:
    fake_search.gives = search_result(hits=(appearance(1, 0.6, person=7), appearance(2, 0.5)), candidates=())
    search = ("search", "footage", "--probe", "suspect.jpg", "--format", "table")
    lines = run(*search).stdout.splitlines()
    header = next(line for line in lines if line.startswith("#"))
    first, second = (next(line for line in lines if line.startswith(f"{n}  ")) for n in (1, 2))
    assert header.split()[:3] == ["#", "probe", "person"]
    assert (first.split()[2], second.split()[2]) == ("7", "–")
    fake_search.gives = search_result()
    header = next(line for line in run(*search).stdout.splitlines() if line.startswith("#"))
    assert "person" not in header


# ---- schemas and manual ----------------------------------------------------------------------------------------


def broken(value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """What of a JSON Schema a value breaks; knows the keywords that the schemas here use, and no others."""
    kinds: dict[str, Any] = {
        "null": type(None),
        "boolean": bool,
        "integer": int,
        "number": (int, Decimal),
        "string": str,
        "array": list,
        "object": dict,
    }
    for keyword, wanted in schema.items():
        match keyword:
            case "type":
                names = [wanted] if isinstance(wanted, str) else wanted
                fits = [n for n in names if isinstance(value, kinds[n])]
                if not fits or (isinstance(value, bool) and "boolean" not in names):
                    yield f"{at}: {value!r} is no {names}"
            case "const" if type(value) is not type(wanted) or value != wanted:
                yield f"{at}: {value!r} is not {wanted!r}"
            case "enum" if value not in wanted:
                yield f"{at}: {value!r} is none of {wanted}"
            case "minimum" if isinstance(value, int | Decimal) and value < wanted:
                yield f"{at}: {value} is less than {wanted}"
            case "minLength" if isinstance(value, str) and len(value) < wanted:
                yield f"{at}: too short"
            case "pattern" if isinstance(value, str) and not re.search(wanted, value):
                yield f"{at}: {value!r} is not like {wanted}"
            case "required":
                yield from (f"{at}: no {name}" for name in wanted if name not in value)
            case "properties":
                for name, inner in wanted.items():
                    if name in value:
                        yield from broken(value[name], inner, f"{at}/{name}")
            case "items":
                for number, item in enumerate(value):
                    yield from broken(item, wanted, f"{at}/{number}")
            case "oneOf":
                found = [list(broken(value, inner, at)) for inner in wanted]
                if sum(not each for each in found) != 1:
                    yield f"{at}: {sum(not each for each in found)} of the kinds fit: {found}"
            case "$ref":
                yield from broken(value, schema_of(wanted), at)
            case "const" | "enum" | "minimum" | "minLength" | "pattern":
                pass  # it fits
            case "$schema" | "$id" | "title" | "description":
                pass
            case _:
                raise AssertionError(f"the checker does not know {keyword}")


def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return schema


def as_json(value: object) -> Any:
    return json.loads(json_text(value), parse_float=Decimal)


@pytest.mark.parametrize("what", [(), ("--people",)])
def test_every_record_of_an_export_fits_its_schema(export: Export, tmp_path: Path, what: tuple[str]) -> None:
    lines = export(*what, "--format", "jsonl", "--stills", tmp_path / "s", *UNCHECKED).stdout.splitlines()
    for line in lines:
        assert list(broken(json.loads(line, parse_float=Decimal), schema_of("record.schema.json"))) == []
    document = json.loads(export(*what, "--format", "json").stdout, parse_float=Decimal)
    assert list(broken(document, schema_of("appearances.schema.json"))) == []
    assert len(document["appearances"]) == len(lines) == 4


def test_the_records_of_a_search_fit_the_schema() -> None:
    result = search_result()
    for each in (*result.hits, *result.candidates):
        assert list(broken(as_json(record(each)), schema_of("record.schema.json"))) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"rank": "1"}, "/rank: '1' is no ['integer', 'null']"),
        ({"rank": True}, "/rank: True is no ['integer', 'null']"),
        ({"rank": None}, "kinds fit"),
        ({"faces": -1}, "/faces: -1 is less than 0"),
        ({"hit": False}, "kinds fit"),
        ({"start_time": "yesterday"}, "/start_time: 'yesterday' is not like"),
        ({"exhibit_sha256": "ab"}, "/exhibit_sha256: 'ab' is not like"),
        ({"schema": "retrofr.hit/2"}, "/schema: 'retrofr.hit/2' is none of"),
    ],
)
def test_a_record_that_does_not_fit_is_noticed(changes: dict[str, Any], complaint: str) -> None:
    changed = as_json(record(appearance(1, 0.5))) | changes
    assert complaint in " ".join(broken(changed, schema_of("record.schema.json")))


def test_a_record_without_a_column_is_noticed() -> None:
    whole = as_json(record(appearance(1, 0.5)))
    del whole["person"]
    assert list(broken(whole, schema_of("record.schema.json"))) == [": no person"]


def test_the_schema_has_the_columns_in_order_and_says_what_each_is() -> None:
    schema = schema_of("record.schema.json")
    assert list(schema["properties"]) == schema["required"] == list(COLUMNS)
    assert all(column["description"].endswith(".") for column in schema["properties"].values())


def test_the_manual_has_every_column_in_order_with_the_schemas_types() -> None:
    page = (DOCS / "timeline.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]+) \|", page, re.MULTILINE)
    told = [(name, kind.strip()) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
    assert [name for name, _ in told] == list(COLUMNS)
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    for name, kind in told:
        wanted = schema_of("record.schema.json")["properties"][name]["type"]
        assert words[wanted if isinstance(wanted, str) else wanted[0]] in kind, name
