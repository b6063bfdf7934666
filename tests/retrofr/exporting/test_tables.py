"""CSV, JSON lines and Parquet: read by pandas, by LibreOffice where it is installed, and held against the schema."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from codecs import BOM_UTF8
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exported import clocked, exported, material
from fixed_results import CHECKED_CLOCK, appearance
from retrofr.documents import COLUMNS, coverage_document, json_text
from retrofr.errors import OutputError
from retrofr.exporting.parquet import NUMBERS, TRUTHS, WHOLE
from retrofr.results import Coverage
from schemas import schema_of


def csv_of(whole: Any, **options: bool) -> bytes:
    (data,) = exported("csv", whole, **options)[0].values()
    return data


def test_a_byte_order_mark_is_written_where_it_is_asked_for() -> None:
    pandas = pytest.importorskip("pandas")
    plain, marked = csv_of(material()), csv_of(material(), bom=True)
    assert marked == BOM_UTF8 + plain
    tables = [pandas.read_csv(io.BytesIO(data), encoding="utf-8-sig") for data in (plain, marked)]
    assert list(tables[0]) == list(COLUMNS)
    assert tables[0].equals(tables[1])
    assert "stairs/night – deck 3.mkv" in set(tables[0]["exhibit"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_it_without_a_formula(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_bytes(csv_of(hostile()))
    (tmp_path / "marked.csv").write_bytes(csv_of(hostile(), bom=True))
    home = f"-env:UserInstallation=file://{tmp_path}/profile"
    as_utf8 = "--infilter=CSV:44,34,76"  # what a user chooses in its import dialogue
    command = ["soffice", home, "--headless", as_utf8, "--convert-to", "fods", "--outdir", str(tmp_path)]
    files = ["plain.csv", "marked.csv"]
    subprocess.run([*command, *files], check=True, cwd=tmp_path, capture_output=True, timeout=120)
    for file in files:
        shown = (tmp_path / file).with_suffix(".fods").read_text(encoding="utf-8")
        assert "table:formula" not in shown
        assert "<text:p>rank</text:p>" in shown
        assert "<text:p>Zoë</text:p>" in shown


def hostile() -> Any:
    found = (
        appearance(1, 0.5, "=1+1.mp4", clock=CHECKED_CLOCK, probe="@SUM(A1)", camera="-2"),
        appearance(2, 0.4, probe="Zoë"),
    )
    return material(appearances=found, coverage=Coverage())


def test_requirement_29_no_cell_of_csv_is_a_formula() -> None:
    pandas = pytest.importorskip("pandas")
    row = pandas.read_csv(io.BytesIO(csv_of(hostile())), dtype=str).iloc[0]
    assert (row["exhibit"], row["probe"], row["camera"]) == ("'=1+1.mp4", "'@SUM(A1)", "'-2")


def test_lines_fit_the_published_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = jsonschema.Draft202012Validator(schema_of("record.schema.json"))
    (data,) = exported("jsonl", material())[0].values()
    lines = data.decode().splitlines()
    assert [list(schema.iter_errors(json.loads(line))) for line in lines] == [[]] * 5


def test_parquet_has_the_columns_with_their_types() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (data,) = exported("parquet", material())[0].values()
    table = parquet.read_table(io.BytesIO(data))
    assert table.column_names == [*COLUMNS, "start_utc", "end_utc"]
    kinds = {name: str(table.schema.field(name).type) for name in COLUMNS}
    words = {"integer": "int64", "number": "double", "string": "string", "boolean": "bool"}
    for name, told in schema_of("record.schema.json")["properties"].items():
        kind = told["type"] if isinstance(told["type"], str) else told["type"][0]
        assert kinds[name] == words[kind], name
    assert not WHOLE & TRUTHS
    assert not WHOLE & NUMBERS


def test_parquet_carries_coverage_and_what_it_is_of() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    whole = material()
    (data,) = exported("parquet", whole)[0].values()
    metadata = parquet.read_schema(io.BytesIO(data)).metadata
    assert metadata[b"retrofr.coverage"].decode() == json_text(coverage_document(whole.coverage))
    about = json.loads(metadata[b"retrofr"])
    assert (about["search"], about["threshold"], about["authority"]) == (3, 0.363, "not recorded")
    assert metadata[b"retrofr.note"] == b"Investigative leads, to be examined by a person."


def test_moments_of_parquet_are_in_utc_where_the_zone_is_known() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    known, unknown = clocked([(Fraction(25, 2), Fraction(17))]), material()
    for whole, expected in ((known, "2024-01-14 21:51:21.500000+00:00"), (unknown, "NaT")):
        (data,) = exported("parquet", whole)[0].values()
        assert str(pandas.read_parquet(io.BytesIO(data))["start_utc"][0]) == expected


def test_a_number_beyond_64_bits_is_refused_and_not_cut() -> None:
    far = replace(material().appearances[0], end_seconds=Fraction(10**19, 3))
    with pytest.raises(OutputError, match="does not fit the whole numbers of Parquet"):
        exported("parquet", material(appearances=(far,)))
    with pytest.raises(OutputError, match="beyond what it holds exactly"):
        exported("otio", material(appearances=(far,)))


def test_frames_and_times_of_otio_are_whole_ticks() -> None:
    otio = pytest.importorskip("opentimelineio")
    spans = [(Fraction(1001, 30000), Fraction(5))]
    for rate, ticks in ((Fraction(30000, 1001), 30000), (Fraction(25), 30000), (None, 30000)):
        (data,) = exported("otio", clocked(spans, rate=rate))[0].values()
        (clip,) = otio.adapters.read_from_string(data.decode(), "otio_json").find_clips()
        start = clip.markers[0].marked_range.start_time
        assert (start.value, start.rate) == (1001, ticks)
        assert clip.source_range.duration.to_seconds() == 7200
        assert clip.media_reference.target_url == "cam1.mp4"


def test_otio_says_the_rest_in_metadata() -> None:
    otio = pytest.importorskip("opentimelineio")
    (data,) = exported("otio", material())[0].values()
    timeline = otio.adapters.read_from_string(data.decode(), "otio_json")
    names = [clip.media_reference.target_url for clip in timeline.find_clips()]
    assert [otio.url_utils.filepath_from_url(name) for name in names] == [
        "cam1_20240114_225812.mp4",
        "stairs/night – deck 3.mkv",
    ]
    about = timeline.metadata["retrofr"]
    assert about["note"] == "Investigative leads, to be examined by a person."
    assert about["coverage"]["unsearched"][0]["subject"] == "cam2_0114.mp4"
    colors = {
        marker.name.split()[0]: marker.color for clip in timeline.find_clips() for marker in clip.markers
    }
    assert colors == {"Hit": "RED", "Candidate": "YELLOW", "not": "PURPLE", "searched": "PURPLE"}
