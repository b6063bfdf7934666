"""Two pictures against each other, with drawn faces: a colour is a person."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import COLOURS, draw_face, scene
from retrofr.comparing import compare_pictures, comparison_document
from retrofr.comparing_page import page, write_comparison
from retrofr.documents import json_text
from retrofr.errors import OutputError, ProbeError, UsageError
from retrofr.events import Event
from retrofr.settings import Settings

Parts = dict[str, dict[str, object]]


def drawn(path: Path, *colours: str, side: int = 60) -> Path:
    image = scene()
    for number, colour in enumerate(colours):
        draw_face(image, COLOURS[colour], 30 + 100 * number, 80, side)
    Image.fromarray(image).save(path)
    return path


def test_two_pictures_of_one_person(tmp_path: Path, fake_parts: Parts) -> None:
    one, other = drawn(tmp_path / "a.png", "red"), drawn(tmp_path / "b.png", "red", side=30)
    events: list[Event] = []
    result = compare_pictures(one, other, settings=Settings.from_mapping(fake_parts), listener=events.append)
    assert result.score > 0.9
    assert (result.reaches_threshold, result.threshold.overridden) == (True, True)
    assert [face.name for face in result.faces] == ["A", "B"]
    assert [round(face.image.quality.eye_distance_pixels) for face in result.faces] == [24, 12]
    assert result.evidence.llr is None
    assert result.evidence.reason == "no operating points for embedder fake, as it is set here"
    assert events == []  # what is poor about a face stands in the result
    assert result.faces[1].image.quality.warnings[0] == "small: 12 px between the eyes, 24 or more are better"


def test_another_person_is_below_the_threshold(tmp_path: Path, fake_parts: Parts) -> None:
    group = drawn(tmp_path / "group.png", "red", "blue")
    settings = Settings.from_mapping(fake_parts)
    alike = compare_pictures(f"{group}#1", f"{group}#1", settings=settings)
    unlike = compare_pictures(f"{group}#1", f"{group}#2", settings=settings)
    assert alike.score == pytest.approx(1.0)
    assert (unlike.score < 0.5, unlike.reaches_threshold) == (True, False)
    assert [each.evidence.reason for each in (alike, unlike)] == [
        "both faces are in the same file, bit for bit"
    ] * 2


def test_requirement_22_the_face_is_shown_as_it_is_in_the_picture(tmp_path: Path, fake_parts: Parts) -> None:
    path = drawn(tmp_path / "a.png", "red")
    face = compare_pictures(path, path, settings=Settings.from_mapping(fake_parts)).faces[0]
    x1, y1, x2, y2 = face.image.box.astype(int)
    whole = np.array(Image.open(path))
    assert np.array_equal(face.pixels, whole[y1 - 24 : y2 + 24, x1 - 24 : x2 + 24])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("none.png", "none.png: no face was found in this picture"),
        ("two.png", "two.png: 2 faces were found, and one is compared"),
        ("two.png#3", "two.png: there is no face #3 in this picture"),
        ("gone.png", "gone.png: no such file"),
    ],
)
def test_a_picture_without_one_face(tmp_path: Path, fake_parts: Parts, second: str, message: str) -> None:
    one = drawn(tmp_path / "a.png", "red")
    drawn(tmp_path / "none.png")
    drawn(tmp_path / "two.png", "red", "blue")
    with pytest.raises(ProbeError) as refused:
        compare_pictures(one, f"{tmp_path}/{second}", settings=Settings.from_mapping(fake_parts))
    assert message in str(refused.value)
    assert "probe" not in str(refused.value).replace(str(tmp_path), "")


def test_a_folder_is_no_picture(tmp_path: Path, fake_parts: Parts) -> None:
    with pytest.raises(UsageError, match="is a folder, and one picture is compared with another"):
        compare_pictures(tmp_path, tmp_path, settings=Settings.from_mapping(fake_parts))


def test_the_document_holds_both_faces_and_the_worse_of_each_measure(
    tmp_path: Path, fake_parts: Parts
) -> None:
    one, other = drawn(tmp_path / "a.png", "red"), drawn(tmp_path / "b.png", "red", side=30)
    result = compare_pictures(one, other, settings=Settings.from_mapping(fake_parts))
    document = json.loads(json_text(comparison_document(result)))
    assert document["schema"] == "retrofr.comparison/1"
    assert [face["path"] for face in document["faces"]] == [str(one), str(other)]
    assert (
        document["condition"]["eye_distance_pixels"] == document["faces"][1]["quality"]["eye_distance_pixels"]
    )
    assert document["threshold"] == {
        "score": 0.8,
        "source": "given for this run (override)",
        "overridden": True,
        "asked_fmr": None,
    }
    assert (document["llr"], document["llr_band"], document["operating_point"]) == (None, None, None)
    assert document["llr_reason"] == document["reason"]
    assert "template" not in json_text(comparison_document(result))


def test_the_page_stands_alone_and_names_are_made_safe(tmp_path: Path, fake_parts: Parts) -> None:
    path = drawn(tmp_path / "<b>&.png", "red")
    result = compare_pictures(path, path, settings=Settings.from_mapping(fake_parts))
    text = page(result, [("score", "1.000 <best>")])
    assert "&lt;b&gt;&amp;.png" in text
    assert "1.000 &lt;best&gt;" in text
    assert text.count("<img ") == text.count('src="data:image/png;base64,') == 2
    assert "http" not in text


def test_the_folder_is_written_whole_or_not_at_all(tmp_path: Path, fake_parts: Parts) -> None:
    path = drawn(tmp_path / "a.png", "red")
    result = compare_pictures(path, path, settings=Settings.from_mapping(fake_parts))
    out = tmp_path / "new" / "out"
    names = write_comparison(result, [("score", "1.000")], out)
    assert sorted(names) == sorted(entry.name for entry in out.iterdir())
    assert sorted(names) == ["comparison.html", "comparison.json", "face-a.png", "face-b.png"]
    assert np.array_equal(np.array(Image.open(out / "face-a.png")), result.faces[0].pixels)
    with pytest.raises(OutputError, match="is not empty, and nothing is overwritten"):
        write_comparison(result, [], out)
