"""A clip in which everybody but the candidate is hidden, also where the detector loses them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from clips import make_clip
from fakes import COLOURS, ColourDetector, draw_face, scene
from retrofr.errors import ExhibitError, OutputError
from retrofr.records import Detections, Exhibit, Pixels
from retrofr.redaction.between import FacePath
from retrofr.redaction.checking import HowChecked, PictureCheck
from retrofr.redaction.clips import RedactedClip, redacted_clip
from retrofr.redaction.painting import HIDDEN_GREY
from retrofr.settings import Settings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess

FRAMES, RATE = 30, 25
LOST = range(12, 18)
KNOWN = FacePath(0, 0, (Fraction(5, RATE),), np.array([(20, 80, 80, 140)], np.float32))


def street(number: int, width: int, height: int) -> Pixels:
    """The candidate, red, stands still; somebody blue walks behind."""
    image = scene(width, height)
    draw_face(image, COLOURS["red"], 20, 80)
    draw_face(image, COLOURS["blue"], 130 + 2 * number, 80)
    return image


class Forgetful(ColourDetector):
    """Does not see whoever is blue where they are from frame 12 to frame 17."""

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        lost = (130 + 2 * LOST.start - 1, 130 + 2 * (LOST.stop - 1) + 1)
        found = super().detect(frames)
        kept = [~((each.boxes[:, 0] >= lost[0]) & (each.boxes[:, 0] <= lost[1])) for each in found]
        return [
            Detections(each.boxes[k], each.landmarks[k], each.scores[k])
            for each, k in zip(found, kept, strict=True)
        ]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Exhibit:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    make_clip(
        path, frames=FRAMES, rate=RATE, size=(320, 240), picture=street, metadata={"title": "of somebody"}
    )
    return open_exhibit(FootageFile(path, path.name))


def clip(
    recording: Exhibit, path: Path, known: FacePath = KNOWN, start: str = "0", end: str = "9"
) -> RedactedClip:
    check = PictureCheck(Forgetful, HowChecked("fake", None, None))
    with DecoderProcess(Settings().video) as decoder:
        return redacted_clip(recording, Fraction(start), Fraction(end), [known], check, path, decoder=decoder)


def pictures(path: Path) -> list[tuple[Fraction, Pixels]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return [
            (Fraction(frame.pts) * stream.time_base, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in file.decode(stream)
            if frame.pts is not None and stream.time_base is not None
        ]


def blue_pixels(image: Pixels) -> int:
    return int((image[:, :, 2].astype(int) - image[:, :, 0] > 60).sum())


def test_requirement_29_nobody_but_the_candidate_is_in_any_frame_of_a_clip(
    recording: Exhibit, tmp_path: Path
) -> None:
    made = clip(recording, tmp_path / "c.mp4")
    shown = pictures(made.path)
    assert blue_pixels(street(0, 320, 240)) > 1000
    assert [blue_pixels(image) for _, image in shown] == [0] * FRAMES
    assert [time for time, _ in shown] == [Fraction(n, RATE) for n in range(FRAMES)]
    for _, image in shown:
        assert np.abs(image[84:136, 24:76].astype(int) - street(0, 320, 240)[84:136, 24:76]).mean() < 8
    assert (made.frames, made.frames_with_candidate, made.faces_hidden) == (FRAMES, FRAMES, FRAMES)
    with av.open(str(made.path)) as file:
        assert len(file.streams) == 1
        assert "title" not in file.metadata


def test_a_candidate_who_is_not_where_they_should_be_is_hidden(recording: Exhibit, tmp_path: Path) -> None:
    elsewhere = FacePath(0, 0, KNOWN.times, KNOWN.boxes + np.float32(100))
    made = clip(recording, tmp_path / "c.mp4", elsewhere, end="1/2")
    assert made.frames_with_candidate == 0
    for _, image in pictures(made.path):
        assert np.abs(image[84:136, 24:76].astype(int) - HIDDEN_GREY).max() < 8


def test_a_stretch_without_frames_and_a_clip_that_exists(recording: Exhibit, tmp_path: Path) -> None:
    with pytest.raises(ExhibitError, match=r"holds no frame between 5\.000 s and 9\.000 s"):
        clip(recording, tmp_path / "c.mp4", start="5")
    there = tmp_path / "mine.mp4"
    there.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        clip(recording, there, end="1/5")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.mp4"]
    assert there.read_bytes() == b"mine"
