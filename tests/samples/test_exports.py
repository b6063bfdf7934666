"""Exports of searches with the real nets: the demo and a spliced clip, each read back by its ecosystem's own reader."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from worded import invoke

from exported import READERS, ROUNDED, Files, Span, outwards, spans_of
from retrofr.case.store import open_case
from retrofr.documents import exact_seconds
from retrofr.exporting.formats import FORMATS, Format
from retrofr.timeline import timeline

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = {"demo": 6, "composite": 2}
"""Cases, and how many appearances are found in each."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("samples")]


def run(*arguments: str | Path) -> None:
    result = invoke(*arguments, columns=100)
    assert result.exit_code in (0, 10), result.stderr


@pytest.fixture(scope="session", params=SEARCHED)
def searched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A case in which footage was searched, and the footage."""
    if request.param == "demo":
        recordings: Path = request.getfixturevalue("footage")
        probes = [ROOT / "samples" / "probes" / "obama.jpg"]
    else:
        recordings = request.getfixturevalue("shared_data") / "clips" / "composite"
        probes = sorted((recordings / "enrol").iterdir())[:1]  # a clip of each appearance takes its time
    case = tmp_path_factory.mktemp("exports") / request.param
    named = [word for probe in probes for word in ("--probe", probe)]
    clock = () if request.param == "demo" else ("--start", "2024-03-30T10:00:00")  # Timesketch takes no other
    run("index", recordings, "--case", case, *clock, "--quiet")
    run("search", "--case", case, *named, "--quiet")
    assert len(expected_of(case)) == SEARCHED[request.param]
    return case, recordings


def expected_of(case: Path) -> list[Span]:
    with open_case(case) as opened:
        return spans_of(timeline(opened))


def exported(wanted: Format, case: Path, recordings: Path, out: Path) -> dict[str, bytes]:
    footage = ("--footage", recordings, "--margin", "0.2") if wanted.needs_footage else ()
    run("export", "--case", case, "--format", wanted.name, "--out", out, *footage)
    if out.is_file():
        return {out.name: out.read_bytes()}
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def read_clips(folder: Path) -> Callable[[Files], list[Span]]:
    """By ffprobe's libraries, through PyAV: each clip plays, and is as long as its line of the table says."""
    import av

    def read(files: Files) -> list[Span]:
        rows = list(csv.DictReader(files["clips.csv"].decode("utf-8").splitlines()))
        for row in rows:
            begins, ends, rate = (
                int(row[f"clip_{name}"]) for name in ("start_ticks", "end_ticks", "ticks_per_second")
            )
            with av.open(folder / row["clip"]) as clip:
                pictures = [frame.time for frame in clip.decode(video=0)]
            assert 0 < pictures[-1] - pictures[0] <= Fraction(ends - begins, rate)
        return sorted((exact_seconds(row, "start"), exact_seconds(row, "end")) for row in rows)

    return read


@pytest.mark.parametrize("wanted", FORMATS, ids=lambda each: each.name)
def test_its_reader_opens_it_and_finds_the_times(
    wanted: Format, searched: tuple[Path, Path], tmp_path: Path
) -> None:
    case, recordings = searched
    out = tmp_path / ("out" if wanted.folder else f"out{wanted.suffix}")
    files = exported(wanted, case, recordings, out)
    read = read_clips(out) if wanted.name == "clips" else READERS[wanted.name]
    expected = expected_of(case)
    assert read(files) == (outwards(expected) if wanted.name in ROUNDED else expected)


def test_case_uco_conforms(searched: tuple[Path, Path], tmp_path: Path) -> None:
    case_validate = pytest.importorskip("case_utils.case_validate")
    wanted = next(each for each in FORMATS if each.name == "case-uco")
    names = exported(wanted, *searched, tmp_path / "out")
    result = case_validate.validate(
        [str(tmp_path / "out" / name) for name in names], case_version="case-1.5.0"
    )
    assert result.conforms, result.text


def test_timesketch_has_the_fields_that_it_asks_for(searched: tuple[Path, Path], tmp_path: Path) -> None:
    wanted = next(each for each in FORMATS if each.name == "timesketch")
    (data,) = exported(wanted, *searched, tmp_path / "out.jsonl").values()
    events = [json.loads(line) for line in data.decode("utf-8").splitlines()]
    assert all({"message", "datetime", "timestamp_desc"} <= set(event) for event in events)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_the_table(searched: tuple[Path, Path], tmp_path: Path) -> None:
    """It is written again as a table, in which every name and time is as it was."""
    wanted = next(each for each in FORMATS if each.name == "csv")
    (data,) = exported(wanted, *searched, tmp_path / "out.csv").values()
    home = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        "soffice",
        home,
        "--headless",
        "--infilter=CSV:44,34,76",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",
    ]
    subprocess.run(
        [*command, "--outdir", tmp_path / "again", tmp_path / "out.csv"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    ours = list(csv.DictReader(data.decode("utf-8").splitlines()))
    theirs = list(csv.DictReader((tmp_path / "again" / "out.csv").read_text("utf-8").splitlines()))
    for name in ("exhibit", "start_ticks", "end_ticks", "ticks_per_second", "probe"):
        assert [row[name] for row in theirs] == [row[name] for row in ours]
