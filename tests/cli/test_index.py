"""``retrofr index`` and ``retrofr search --case``, with drawn faces and real cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clips import make_clip, numbered_picture
from fakes import COLOURS, draw_face, scene
from retrofr.records import Pixels

Parts = dict[str, dict[str, object]]


def visitor(number: int, width: int, height: int) -> Pixels:
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 20 + number % 30, 60, 60)
    return image


@pytest.fixture
def folder(tmp_path: Path, fake_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with footage, a probe, and settings that choose the fake parts; the keys lie in it as well."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    make_clip(tmp_path / "cam1.mp4", frames=60, picture=visitor)
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80)
    Image.fromarray(image).save(tmp_path / "red.png")
    stages = {**fake_parts, "video": {"slice_seconds": 1.0}}
    lines = [
        f"[{stage}]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())
        for stage, table in stages.items()
    ]
    (tmp_path / "fake.toml").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "search.toml").write_text("[search]\nthreshold = 0.8\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def index(run: Any, folder: Path) -> Any:
    def indexed(*more: str | Path, clip: str = "cam1.mp4") -> Any:
        case = ("--case", folder / "case", "--settings", folder / "fake.toml")
        return run("index", folder / clip, *case, *more)

    return indexed


@pytest.fixture
def search(run: Any, folder: Path) -> Any:
    def searched(*more: str | Path, footage: tuple[Path, ...] = (), settings: str = "search.toml") -> Any:
        asked = ("--case", folder / "case", "--probe", folder / "red.png", "--settings", folder / settings)
        return run("search", *footage, *asked, *more)

    return searched


def test_a_case_is_made_where_there_is_none(index: Any, folder: Path) -> None:
    result = index()
    assert result.exit_code == 0
    assert result.stderr == f"made a new case, {folder / 'case'}; its key is in {folder / 'keys'}\n"
    assert "added        3 slices, 3 tracklets, " in result.stdout
    assert "indexed      1 exhibit, 0:00:02 of footage, 5 samples\n" in result.stdout
    assert "not indexed  nothing: all of the footage that was named was indexed\n" in result.stdout
    assert f"Search it: retrofr search --case {folder / 'case'} --probe PICTURE\n" in result.stdout
    again = index()
    assert (again.exit_code, again.stderr) == (0, "")
    assert "added        0 slices, 0 tracklets, 0 templates; 1 stream was indexed before\n" in again.stdout


def test_the_document_says_what_was_added(index: Any) -> None:
    document = json.loads(index("--format", "json", "--quiet").stdout)
    assert document["schema"] == "retrofr.index/1"
    assert document["added"]["slices"] == 3
    assert document["recipe"]["terms"]["detect"]["detector"] == "fake"
    assert document["coverage"]["exhibits_searched"] == 1
    assert document["exit_code"] == 0


def test_other_settings_are_named(index: Any, folder: Path) -> None:
    index()
    result = index("--rate", "5")
    assert result.exit_code == 5
    assert result.stderr == (
        f"error: {folder / 'case' / 'case.db'}: was indexed with other settings or weights: "
        "sampling.rate: 2.0 before, 5.0 now\n"
        "       leave these settings out to go on as before, or add --again to index this footage with the new ones "
        "(templates of different settings are never compared)\n"
    )
    assert index("--rate", "5", "--again").exit_code == 0


def test_without_its_key_a_case_stays_closed(
    index: Any, search: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index()
    monkeypatch.setenv("RETROFR_KEYS", str(folder / "others"))
    result = search()
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr.startswith(
        f"error: {folder / 'case' / 'case.db'}: its key is not in the key store ("
    )
    assert index().exit_code == 5


def test_a_slip_of_the_pen_makes_no_case(run: Any, folder: Path) -> None:
    result = run("index", folder / "cam1.mp4", "--case", folder / "new", "--set", "sampling.rat=5")
    assert result.exit_code == 2
    assert not (folder / "new").exists()


def test_a_case_is_searched_without_its_footage(index: Any, search: Any, folder: Path) -> None:
    index("--quiet")
    (folder / "cam1.mp4").unlink()
    result = search("--format", "table")
    assert result.exit_code == 0
    assert "1 hit, scoring 0.800 or more\n" in result.stdout
    assert "not searched  nothing: all of what is indexed in the case was searched\n" in result.stdout
    assert "recorded as search 1 " in " ".join(result.stdout.split())
    again = search("--format", "table")
    assert "device        not used\n" in again.stdout
    assert "recorded as search 2 " in " ".join(again.stdout.split())


def test_records_name_the_search_and_stills_are_faces(index: Any, search: Any, folder: Path) -> None:
    index("--quiet")
    result = search("--format", "jsonl", "--out", folder / "out", "--quiet")
    hit, _coverage, run_record = (json.loads(line) for line in result.stdout.splitlines())
    assert (hit["schema"], hit["search"], hit["still"]) == ("retrofr.hit/1", 1, "stills/hit-0001-face.png")
    assert hit["still_face"] == hit["still"]
    assert {path.name for path in (folder / "out" / "stills").iterdir()} == {
        "hit-0001-face.png", "probe-0001.jpg",
    }  # fmt: skip
    assert Image.open(folder / "out" / hit["still"]).size == (224, 224)
    assert run_record["case"]["recorded"] is True


def test_footage_and_a_case_index_first_and_search_that_footage(
    index: Any, search: Any, folder: Path
) -> None:
    index("--quiet")
    other = make_clip(folder / "cam2.mp4", frames=30, picture=visitor)
    result = search("--format", "jsonl", "--quiet", footage=(other,), settings="fake.toml")
    assert result.exit_code == 0
    hit = json.loads(result.stdout.splitlines()[0])
    assert hit["exhibit"] == "cam2.mp4"
    assert [json.loads(line)["exhibit"] for line in search("--quiet").stdout.splitlines()[:2]] == [
        "cam1.mp4",
        "cam2.mp4",
    ]


def test_a_list_of_persons_goes_on_without_what_cannot_be_used(index: Any, run: Any, folder: Path) -> None:
    index("--quiet")
    missing = folder / "missing"
    missing.mkdir()
    (folder / "red.png").rename(missing / "red.png")
    Image.fromarray(scene()).save(missing / "nobody.png")
    (missing / "notes.png").write_text("no picture")
    case = ("--case", folder / "case", "--settings", folder / "search.toml")
    result = run("search", *case, "--probes-from", missing, "--format", "json")
    assert result.exit_code == 10
    document = json.loads(result.stdout)
    assert [hit["probe"] for hit in document["hits"]] == ["red"]
    reasons = {Path(item["subject"]).name: item["reason"] for item in document["coverage"]["unsearched"]}
    assert reasons == {
        "nobody.png": "no face was found in this picture",
        "notes.png": "is not a picture that can be read",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--rate", "5"),
            "error: sampling.rate: was settled when the footage was indexed, and cannot be changed by a search in the "
            "case\n       index the footage again with it: retrofr index FOOTAGE --case DIR --again\n",
        ),
        (
            ("--start", "2024-03-30T17:11"),
            "error: --start: says something about footage, and a search in a case touches none\n"
            "       index the footage again with it; what is in the case is not done twice\n",
        ),
        (
            ("--exhibit", "cam9"),
            "error: --exhibit: the case has no exhibit cam9\n       it has: cam1.mp4\n",
        ),
        (
            ("--camera", "yard"),
            "error: --camera: the case has no camera yard\n       it has: none that is known by name\n",
        ),
    ],
)
def test_what_a_search_in_a_case_refuses(
    index: Any, search: Any, arguments: tuple[str, ...], message: str
) -> None:
    index("--quiet")
    result = search(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--exhibit", "a"), "error: --exhibit: goes with --case\n       name the footage itself instead\n"),
        (
            ("--min-quality", "0.5"),
            "error: --min-quality: goes with --case\n       --min-eye-distance and --set quality.NAME=VALUE say which "
            "faces of footage are compared\n",
        ),
    ],
)
def test_what_only_a_case_has(run: Any, fake_search: Any, arguments: tuple[str, ...], message: str) -> None:
    result = run("search", "a.mp4", "--probe", "p.jpg", *arguments)
    assert (result.exit_code, result.stderr) == (2, message)
    assert fake_search.calls == []
