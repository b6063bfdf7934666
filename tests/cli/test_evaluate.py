"""``retrofr evaluate``: documents, tables, pages and endings, on drawn photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import draw_photo, photo_folder

from schemas import broken, schema_of

FAKE = ("--detector", "fake", "--embedder", "fake", "--device", "cpu", "--quiet")
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture
def photos(tmp_path: Path, fake_parts: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo_folder(tmp_path / "photos", people=8, photos=4)
    return Path("photos")


def document(result: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(result.stdout)
    assert broken(read, schema_of("evaluation.schema.json")) == []
    return read


def test_a_document_has_verification(run: Any, photos: Path) -> None:
    result = run("evaluate", photos, *FAKE, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = document(result)
    assert [point["fmr"] for point in found["verification"]] == [1e-2, 1e-3, 1e-4, 1e-5]
    first, second = found["verification"][:2]
    assert (first["mated"], first["non_mated"]) == (8 * 6, 32 * 31 // 2 - 8 * 6)
    assert 0 <= first["tmr_low"] <= first["tmr"] <= first["tmr_high"] <= 1
    assert (second["threshold"], second["tmr"]) == (None, None)
    assert second["reason"] == "insufficient data: an FMR of 0.001 needs at least 2,995 non-mated comparisons"
    assert found["material"]["people"] == 8
    assert found["acquisition"]["failed"] == 0
    assert found["acquisition"]["bound_only"] is True
    assert found["held_out"]["reason"] == "insufficient data: 8 people; 20 are needed to divide them"


def test_requirement_19_a_photo_without_a_face_counts_and_one_that_cannot_be_read_is_a_gap(
    run: Any, photos: Path
) -> None:
    draw_photo(photos / "p0" / "none.png", None)
    (photos / "p1" / "broken.png").write_bytes(b"no picture")
    result = run("evaluate", photos, *FAKE, "--format", "json")
    assert result.exit_code == 10
    found = document(result)
    assert found["exit_code"] == 10
    assert found["verification"][0]["mated"] == 7 * 6 + 10
    assert found["acquisition"]["failures"] == [{"file": "p0/none.png", "reason": "no face was found"}]
    assert found["material"]["unreadable"] == [
        {"file": "p1/broken.png", "reason": "is not a picture that can be read"}
    ]
    assert found["verification"][0]["tmr"] <= 1 - 4 / 52
    table = run("evaluate", photos, *FAKE, columns=120).stdout
    assert "no template  1 of 33 photos (0.030 [" in table
    assert "1 photo cannot be read, and nothing is said of them: p1/broken.png" in table


def test_requirement_20_a_table_never_says_nought(run: Any, photos: Path) -> None:
    result = run("evaluate", photos, *FAKE, columns=120)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "material     32 photos of 8 people: photos (a folder for each person)" in lines
    assert any(line.startswith("no template  none of 32 photos (at most 0.089)") for line in lines)
    assert "One photo against one photo: 48 mated and 448 non-mated comparisons of 8 people" in lines
    assert any(line.startswith("FMR 0.001") and "insufficient data" in line for line in lines)
    assert not {"match", "identified", "confidence", "similarity"} & set(result.stdout.lower().split())


def test_requirement_21_groups_and_exclusions(run: Any, photos: Path) -> None:
    Path("groups.csv").write_text("identity,group\n" + "".join(f"p{n},{'ab'[n % 2]}\n" for n in range(7)))
    Path("out.toml").write_text('[[pair]]\npeople = ["p0", "p1"]\nreason = "perhaps one"\n')
    flags = ("--groups", "groups.csv", "--exclude", "out.toml")
    found = document(run("evaluate", photos, *FAKE, *flags, "--format", "json"))
    assert found["verification"][0]["non_mated"] == 448 - 16
    assert found["verification_nothing_left_out"][0]["non_mated"] == 448
    assert found["material"]["exclusions"] == [{"people": ["p0", "p1"], "reason": "perhaps one"}]
    (at,) = found["groups"]["at"]
    assert [(each["group"], each["people"], each["small"]) for each in at["groups"]] == [
        ("a", 4, True),
        ("b", 3, True),
    ]
    assert found["groups"]["unlabelled"] == ["p7"]
    table = run("evaluate", photos, *FAKE, *flags, columns=120).stdout
    assert "excluded     1 pair of people whose labels are in doubt: p0 and p1" in table
    assert "no group    1 person: p7" in table


def test_a_page_is_written_and_nothing_is_overwritten(run: Any, photos: Path) -> None:
    result = run("evaluate", photos, *FAKE, "--out", "out", columns=120)
    assert result.exit_code == 0
    assert result.stdout.endswith("written  out: evaluation.json, evaluation.html\n")
    page = Path("out/evaluation.html").read_text(encoding="utf-8")
    assert "<h1>Error rates on photos</h1>" in page
    assert "<dt>FPIR</dt><dd>share of searches that give a false candidate</dd>" in page
    written = json.loads(Path("out/evaluation.json").read_text(encoding="utf-8"))
    assert broken(written, schema_of("evaluation.schema.json")) == []
    again = run("evaluate", photos, *FAKE, "--out", "out")
    assert (again.exit_code, again.stdout) == (7, "")
    assert "error: out: is not empty, and nothing is overwritten" in again.stderr


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("gone",), 2, "error: gone: no such folder"),
        (
            ("photos", "--groups", "gone.csv"),
            2,
            "error: gone.csv: cannot be read (No such file or directory)",
        ),
        (("photos", "--exclude", "gone.toml"), 2, "error: gone.toml: cannot be read"),
        (("photos", "--fmr", "0.9"), 2, "0.9"),
        (("photos", "--footage", "a.mp4"), 2, "error: --footage: footage and its truth go together"),
        (("photos", "--truth", "a.tsv"), 2, "error: --truth: footage and its truth go together"),
        (
            ("photos", "--footage", "a.mp4", "--truth", "a.tsv", "--gate"),
            2,
            "error: --gate: is for photos, and not for footage",
        ),
        (("photos", "--operating-points", "gone.toml"), 2, "error: gone.toml: cannot be read"),
        (("photos", "--embedder", "nobody"), 2, "nobody"),
    ],
)
def test_errors_of_use(run: Any, photos: Path, flags: tuple[str, ...], code: int, message: str) -> None:
    rest = FAKE if "--embedder" not in flags else FAKE[:2]
    result = run("evaluate", *flags[:1], *rest, *flags[1:])
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr


def test_nothing_readable(run: Any, photos: Path, tmp_path: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(path.parent.name.encode() + path.name.encode())
    result = run("evaluate", photos, *FAKE)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "error: photos: none of its photos can be read" in result.stderr


def test_progress_for_scripts(run: Any, photos: Path) -> None:
    result = run("evaluate", photos, *FAKE[:-1], "--progress", "json", "--format", "json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [(each["event"], each["done"], each["total"]) for each in events] == [("photos", 32, 32)]
    assert {each["schema"] for each in events} == {"retrofr.progress/1"}


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "clips" / "composite").exists(), reason="needs the shared test footage")
def test_footage_with_a_truth(run: Any) -> None:
    clip = DATA / "clips" / "composite"
    flags = ("--footage", clip / "composite.mp4", "--truth", clip / "ground_truth.tsv", "--quiet")
    result = run("evaluate", clip / "enrol", *flags, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = document(result)
    footage = found["footage"]
    assert footage["appearances_missed"]["trials"] == 16
    assert footage["appearances_missed"]["errors"] == 0
    assert footage["faces_missed"]["rate"] < 0.05
    assert footage["false_candidates"] == 0
    assert footage["sightings_impure"]["rate"] < 0.05
    assert found["clusters"]["bcubed_f"] > 0.95
    assert [point["tmr"] for point in found["verification"]] == [None] * 4
