"""Contact sheets: one picture, a grid of faces."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from retrofr.contact_sheet import MOST_FACES, SheetFace, contact_sheet


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", size, colour).save(encoded, "PNG")
    return encoded.getvalue()


def opened(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def has(sheet: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(sheet - colour).max(axis=2) < 12).sum() > 5000)


@pytest.mark.parametrize(("suffix", "kind"), [(".jpg", "JPEG"), (".JPEG", "JPEG"), (".png", "PNG")])
def test_the_suffix_decides_the_format(suffix: str, kind: str) -> None:
    picture = contact_sheet([SheetFace("person 1", "2 appearances", jpeg((200, 0, 0)))], "x", suffix=suffix)
    assert Image.open(io.BytesIO(picture)).format == kind


def test_every_face_is_on_it_and_grows_to_its_place() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    faces = [SheetFace(f"person {i}", "", jpeg(colour, (20, 40))) for i, colour in enumerate(colours)]
    sheet = opened(contact_sheet(faces, "three", suffix=".png"))
    assert all(has(sheet, colour) for colour in colours)


def test_titles_captions_and_heading_are_written() -> None:
    blank = opened(contact_sheet([SheetFace("", "", None)], "", suffix=".png"))
    for face, heading in [
        (SheetFace("person 7", "", None), ""),
        (SheetFace("", "3 appearances", None), ""),
        (SheetFace("", "", None), "case x: 1 person"),
    ]:
        assert (opened(contact_sheet([face], heading, suffix=".png")) != blank).any()


@pytest.mark.parametrize("picture", [None, b"no picture"])
def test_a_missing_or_broken_picture_leaves_its_place_grey(picture: bytes | None) -> None:
    sheet = opened(contact_sheet([SheetFace("person 1", "", picture)], "x", suffix=".png"))
    assert has(sheet, (225, 225, 225))


def test_it_holds_as_many_faces_as_it_says_and_no_more() -> None:
    faces = [SheetFace("person 1", "", None)] * MOST_FACES
    width, height = Image.open(io.BytesIO(contact_sheet(faces, "x", suffix=".png"))).size
    assert 3000 < width < 4000
    assert 3000 < height < 5000
    with pytest.raises(ValueError, match="faces: expected at most 400, got 401"):
        contact_sheet([*faces, faces[0]], "x", suffix=".png")


def test_no_faces_give_an_empty_sheet() -> None:
    assert contact_sheet([], "nobody", suffix=".png").startswith(b"\x89PNG")
