"""The main job, on the samples and with the real nets: every planted appearance is found, and nobody else."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from worded import invoke, refuse, refuse_folder, refuse_of, refuse_of_case

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE_SECONDS = 0.6

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("samples")]


def search(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retrofr_cli", "search", *map(str, arguments)]
    wide = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=wide)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def results(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "out"
    probe = ROOT / "samples" / "probes" / "obama.jpg"
    ran = search(footage, "--probe", probe, "--format", "table", "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert "Investigative leads, to be examined by a person." in ran.stdout
    (out.parent / "printed.txt").write_text(ran.stdout + ran.stderr, encoding="utf-8")
    return out


def test_every_planted_appearance_is_found_and_nobody_else(footage: Path, results: Path) -> None:
    hits = sorted((h["exhibit"], float(h["start_seconds"])) for h in read_csv(results / "hits.csv"))
    planted = [row for row in read_csv(footage / "truth.csv") if row["person"] == "obama"]
    ends = {
        (h["exhibit"], float(h["start_seconds"])): float(h["end_seconds"])
        for h in read_csv(results / "hits.csv")
    }
    wanted = sorted((row["file"], float(row["start_seconds"]), float(row["end_seconds"])) for row in planted)
    assert len(hits) == len(wanted) == 6
    for (exhibit, start), (file, true_start, true_end) in zip(hits, wanted, strict=True):
        assert exhibit == file
        assert start == pytest.approx(true_start, abs=TOLERANCE_SECONDS)
        assert ends[exhibit, start] == pytest.approx(true_end, abs=TOLERANCE_SECONDS)


def test_wall_clock_comes_from_the_file_names(footage: Path, results: Path) -> None:
    first = min(read_csv(results / "hits.csv"), key=lambda hit: hit["start_time"])
    assert first["start_time"].startswith("2024-03-30T17:11:0")
    assert (first["clock_source"], first["time_source"]) == ("file name", "pts")


def test_each_hit_has_its_stills_and_nothing_else_is_written(results: Path) -> None:
    listed = {hit["still"] for hit in read_csv(results / "hits.csv")}
    listed |= {hit["still_face"] for hit in read_csv(results / "hits.csv")}
    written = {str(path.relative_to(results)) for path in (results / "stills").iterdir()}
    assert written == {*listed, "stills/probe-0001.jpg"}
    assert {path.name for path in results.iterdir()} == {
        "coverage.csv", "hits.csv", "hits.jsonl", "report.html", "run.json", "stills",
    }  # fmt: skip


def test_requirement_14_no_search_of_recordings(
    footage: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What real nets find in recordings, at once and in a case, before two verdicts and after."""
    refuse("what was printed", (results.parent / "printed.txt").read_text(encoding="utf-8"))
    assert refuse_folder(results) == {".csv", ".html", ".jsonl", ".json", ".jpg", ".png"}
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(tmp_path / name))
    case, clip = tmp_path / "case", footage / "entrance_20240330_171105.mp4"
    probe = ROOT / "samples" / "probes" / "obama.jpg"
    refuse_of(invoke, "case", "create", case)
    ran = search(clip, "--case", case, "--probe", probe, "--rate", "2", "--from", "0:02", "--to", "0:08")
    assert ran.returncode in (0, 10), ran.stderr
    refuse("a search in a case", ran.stdout + ran.stderr)
    listed = list(
        csv.DictReader(refuse_of(invoke, "verdict", "list", "--case", case, "--format", "csv").splitlines())
    )
    candidate = listed[0]["candidate"]
    give = ("verdict", "give", "--case", case, "--candidate", candidate, "--notes", "ears alike")
    refuse_of(invoke, *give, "--operator", "A. Smith", "--conclusion", "weak-same")
    refuse_of_case(invoke, case, tmp_path / "stills", candidate)
    refuse_of(invoke, *give, "--operator", "B. Jones", "--conclusion", "moderate-same")
    told = refuse_of(invoke, "verdict", "show", "--case", case, "--candidate", candidate)
    assert "two agreeing verdicts: weak support for one person rather than two" in told


def test_the_readme_shows_what_the_demo_prints(results: Path) -> None:
    """As far as it is the same on every machine, which the device and the folder's name are not."""
    told = (ROOT / "README.md").read_text(encoding="utf-8").partition("6 hits, scoring")[2]
    printed = (results.parent / "printed.txt").read_text(encoding="utf-8").partition("6 hits, scoring")[2]
    same = told.partition("\ndevice ")[0]
    assert len(same.splitlines()) > 35
    assert printed.partition("\ndevice ")[0] == same
    pictures = printed[printed.index("\npictures ") : printed.index("\n\nauthority: ")]
    assert pictures in told


def test_hits_are_printed_while_the_search_goes_on(footage: Path) -> None:
    """A reader of the pipe has the first one before the program is over."""
    names = "".join(f"{footage / name}\n" for name in sorted(p.name for p in footage.glob("*_2024*")))
    command = [sys.executable, "-m", "retrofr_cli", "search", "-", "--probe", "samples/probes/obama.jpg"]
    command += ["--format", "jsonl", "--as-found", "--quiet"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(names)
        running.stdin.close()
        first = json.loads(running.stdout.readline())
        still_running = running.poll() is None
        rest = [json.loads(line) for line in running.stdout]
    assert (first["schema"], first["probe"], still_running) == ("retrofr.found/1", "obama", True)
    schemas = [first["schema"], *(line["schema"] for line in rest)]
    hits = schemas.count("retrofr.hit/1")
    assert hits == 6
    assert schemas.count("retrofr.found/1") >= hits
    assert schemas[-2 - hits :] == ["retrofr.hit/1"] * hits + ["retrofr.coverage/1", "retrofr.run/1"]


def test_requirement_10_a_bundle_of_real_footage_replays_without_a_difference(
    footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(tmp_path / name))
    case, bundle = tmp_path / "case", tmp_path / "bundle"
    probe = ROOT / "samples" / "probes" / "obama.jpg"
    refuse_of(invoke, "case", "create", case)
    ran = search(footage, "--case", case, "--probe", probe, "--top", "20", "--from", "0:14", "--to", "0:22")
    assert ran.returncode in (0, 10), ran.stderr
    refuse_of(invoke, "export", "--case", case, "--format", "bundle", "--out", bundle)
    assert refuse_folder(bundle) == {".csv", ".html", ".jpg", ".json", ".jsonl", ".toml", ".txt"}
    refuse_of(invoke, "verify", bundle)
    where = ("--footage", footage, "--probe", probe, "--format", "json")
    document = json.loads(refuse_of(invoke, "replay", bundle, *where))
    rows = [json.loads(line) for line in (bundle / "data" / "candidates.jsonl").read_text().splitlines()]
    assert {row["hit"] for row in rows} == {True, False}
    assert (document["differences"], document["missing"]) == ([], [])
    assert (document["same_times"], document["largest_score_difference"]) == (len(rows), 0.0)


def test_the_composite_clip(shared_data: Path) -> None:
    """16 scenes with enrolled people, found at the default threshold, and no hit on anybody else."""
    command = [sys.executable, str(ROOT / "benchmarks" / "composite.py"), "--data"]
    ran = subprocess.run(
        [*command, str(shared_data / "clips" / "composite")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert "16 of 16 scenes found, 0 hits on anybody else" in ran.stdout
