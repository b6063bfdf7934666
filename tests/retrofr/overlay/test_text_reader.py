from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import burnt_in
from retrofr.errors import ModelError, WeightsError
from retrofr.overlay import text_reader
from retrofr.overlay.text_reader import TextReader, decode, open_text_reader, text_boxes
from retrofr.records import Pixels
from retrofr.weights import WeightsFile, find_weights


@pytest.fixture(scope="module")
def reader() -> TextReader:
    if any(find_weights(file) is None for file in text_reader.WEIGHTS):
        pytest.skip("needs the extra ocr: the package rapidocr is not installed")
    return open_text_reader()


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """As a recorder would have compressed it."""
    coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)


def away(name: str) -> WeightsFile:
    return WeightsFile(name, name, None, None, "", "", "", package="no_such_package", package_path=name)


def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path))
    monkeypatch.setattr(text_reader, "WEIGHTS", (away("one"), away("two")))
    with pytest.raises(ModelError) as caught:
        open_text_reader()
    assert str(caught.value) == (
        "ocr: reading a burnt-in clock needs the package rapidocr, whose text nets are not on this machine\n"
        "`pip install 'retrofr[ocr]'` installs it"
    )


def test_altered_nets_are_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "rapidocr" / "models"
    package.mkdir(parents=True)
    for file in text_reader.WEIGHTS:
        (package / file.file_name).write_bytes(b"something else")
    monkeypatch.setattr("retrofr.weights._package_folders", lambda _: [tmp_path / "rapidocr"])
    with pytest.raises(WeightsError, match="is not the file it should be"):
        open_text_reader()


def test_repeats_are_one_character_unless_parted() -> None:
    best = np.array([0, 1, 1, 0, 1, 2, 2, 2, 0, 0, 3])
    assert decode(best, ["", "1", ":", " "]) == "11: "
    assert decode(np.array([], int), [""]) == ""


def test_lines_are_found_in_a_map_and_grown_to_the_letters() -> None:
    text = np.zeros((100, 200), np.float32)
    text[10:14, 20:80] = 0.9  # a line
    text[50:54, 100:104] = 0.4  # too faint
    text[80, 80:120] = 0.9  # after widening by a pixel still too thin
    assert text_boxes(text, 400, 200) == [(32, 12, 169, 37)]
    assert text_boxes(text[:, ::-1], 400, 200) == [(232, 12, 369, 37)]
    assert text_boxes(np.zeros((32, 32), np.float32), 400, 200) == []


def test_boxes_stay_in_the_picture_and_are_few() -> None:
    text = np.zeros((640, 640), np.float32)
    text[:, ::32] = text[:, 1::32] = text[:, 2::32] = 0.9
    text[::16] = text[1::16] = 0.0
    boxes = text_boxes(text, 640, 640)
    assert len(boxes) == 40
    assert all(0 <= x1 < x2 <= 640 and 0 <= y1 < y2 <= 640 for x1, y1, x2, y2 in boxes)


@pytest.mark.parametrize("font", burnt_in.FONTS)
@pytest.mark.parametrize(
    ("size", "height"), [((1280, 720), 24), ((704, 576), 18), ((352, 288), 12)], ids=["720p", "D1", "CIF"]
)
def test_a_burnt_in_line_is_read_to_the_digit(
    reader: TextReader, font: str, size: tuple[int, int], height: int
) -> None:
    words = burnt_in.Words("2024-03-30 17:11:05", height_pixels=height, font=font)
    picture = jpeg(burnt_in.burn(burnt_in.busy_scene(0, *size), [words]), 50)
    lines = reader.read_lines(picture)
    digits = [line for line in lines if "".join(filter(str.isdigit, line.text)) == "20240330171105"]
    assert len(digits) == 1, [line.text for line in lines]
    x1, y1, x2, y2 = digits[0].box
    assert x1 < size[0] * 0.05 < x2
    assert y1 < size[1] * 0.05 + height / 2 < y2


def test_same_picture_same_lines(reader: TextReader) -> None:
    picture = burnt_in.burn(burnt_in.busy_scene(1, 352, 288), [burnt_in.Words("17:11:05")])
    assert reader.read_lines(picture) == reader.read_lines(picture.copy())


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7)])
def test_any_size_of_picture_can_be_given(reader: TextReader, size: tuple[int, int]) -> None:
    assert reader.read_lines(np.full((*size, 3), 90, np.uint8)) == []
