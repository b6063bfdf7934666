"""A candidate is compared anew along their own path: whoever takes their place in it is hidden, and damage is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from fakes import COLOURS, ColourDetector, ColourEmbedder, NoSettings, draw_face, exhibit, frame_ref, scene
from retrofr.comparison import Comparison, build_comparison
from retrofr.records import Exhibit, Floats, Pixels, Sample
from retrofr.redaction.between import FacePath
from retrofr.redaction.checking import HowChecked, PictureCheck, picture_check
from retrofr.redaction.clips import RedactedClip, redacted_clip
from retrofr.redaction.painting import HIDDEN_GREY
from retrofr.redaction.recognising import CHECK_SECONDS, Recogniser
from retrofr.runtime import resolve_device
from retrofr.settings import SamplingSettings, Settings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan

RATE, FRAMES, SWAP = 25, 40, 21
CHECK = PictureCheck(ColourDetector, HowChecked("fake", None, None))
COMPARISON = Comparison([ColourEmbedder()], [NoSettings()])
RED = np.array([[channel / 255 for channel in COLOURS["red"]]], np.float32)
KNOWN = FacePath(0, 0, (Fraction(3, RATE),), np.array([(100, 80, 160, 140)], np.float32))


def swapped(number: int) -> Pixels:
    """Red stands somewhere, and at once blue stands there: one path of a tracker."""
    image = scene()
    draw_face(image, COLOURS["red" if number < SWAP else "blue"], 100, 80)
    return image


class Drawn:
    """Gives drawn frames in place of decoded ones."""

    def __init__(self, suspect: Sequence[int] = ()) -> None:
        self._suspect = suspect

    @contextlib.contextmanager
    def read_samples(self, *_: Any) -> Iterator[Iterator[Sample]]:
        yield (
            Sample(replace(frame_ref(n / RATE, lasts=1 / RATE), suspect=n in self._suspect), swapped(n))
            for n in range(FRAMES)
        )


def clip(path: Path, recogniser: Recogniser | None, suspect: Sequence[int] = ()) -> RedactedClip:
    decoder = cast("DecoderProcess", Drawn(suspect))
    span = (Fraction(0), Fraction(9))
    return redacted_clip(exhibit(), *span, [KNOWN], CHECK, path, decoder=decoder, recogniser=recogniser)


def frames(path: Path) -> list[Pixels]:
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in file.decode(video=0)]


def every_sample(decoder: DecoderProcess, of: Exhibit, start: Fraction, end: Fraction) -> list[Sample]:
    plan = ReadingPlan(SamplingSettings(rate=120.0, gate=False), windows=((start, end),))
    with decoder.read_samples(of, of.streams[0].index, plan) as reader:
        return list(reader)


def shows(image: Pixels, channel: int, other: int) -> bool:
    face = image[84:136, 104:156].astype(int)
    return bool((face[:, :, channel] - face[:, :, other] > 60).mean() > 0.5)


def test_requirement_29_whoever_takes_the_candidates_place_in_a_path_is_hidden(tmp_path: Path) -> None:
    blind = clip(tmp_path / "blind.mp4", None)
    assert sum(shows(image, 2, 0) for image in frames(blind.path)) == FRAMES - SWAP
    assert blind.checked == (
        "checked: every found face but the candidate's hidden as far as the detector goes (fake); "
        "all 40 frames looked at; the candidate not compared anew"
    )
    made = clip(tmp_path / "c.mp4", Recogniser(COMPARISON, RED, 0.8))
    shown = frames(made.path)
    assert not any(shows(image, 2, 0) for image in shown)
    red = [number for number, image in enumerate(shown) if shows(image, 0, 2)]
    # Red is shown until the last face that compared; what follows is in doubt.
    assert red == list(range(red[-1] + 1))
    assert SWAP - 1 - CHECK_SECONDS * RATE <= red[-1] < SWAP
    assert (made.frames_with_candidate, made.frames_doubtful) == (len(red), FRAMES - len(red))
    assert made.anew == "compared anew at 0.800 or more (fake)"


def test_a_damaged_frame_is_hidden_whole(tmp_path: Path) -> None:
    made = clip(tmp_path / "c.mp4", None, suspect=(4, 5))
    assert (made.frames_suspect, made.frames_hidden, made.frames_with_candidate) == (2, 2, FRAMES - 2)
    hidden = [int(np.abs(image.astype(int) - HIDDEN_GREY).max()) < 8 for image in frames(made.path)]
    assert [number for number, is_hidden in enumerate(hidden) if is_hidden] == [4, 5]


def test_a_candidate_without_templates_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match=r"templates: expected \(N, D\), N at least 1"):
        Recogniser(COMPARISON, RED[:0], 0.8)


@pytest.mark.slow
def test_requirement_29_paths_that_are_mixed_up_show_nobody_else_in_real_footage(
    shared_data: Path, tmp_path: Path
) -> None:
    """The paths of all three people of a scene are taken for the candidate's: embedders alone keep them apart."""
    settings, device = Settings(), resolve_device("cpu")
    comparison = build_comparison(settings.embed.embedder, {}, device)
    check, threshold = picture_check(settings, lambda: device), comparison.default_threshold
    assert threshold is not None
    file = shared_data / "clips" / "composite" / "composite.mp4"
    recording, span = open_exhibit(FootageFile(file, file.name)), (Fraction(42, 15), Fraction(66, 15))
    with DecoderProcess(settings.video) as decoder:
        source = every_sample(decoder, recording, *span)
        key = source[len(source) // 2]
        (faces,) = check.detector.detect([key.image])
        templates = comparison.templates(comparison.cut(key.image, faces.landmarks))
        known = [FacePath(key.frame.stream, 0, (key.frame.seconds,), box[None]) for box in faces.boxes]
        assert len(known) > 1
        made = redacted_clip(
            recording,
            *span,
            known,
            check,
            tmp_path / "c.mp4",
            decoder=decoder,
            recogniser=Recogniser(comparison, templates[:1], threshold),
        )
        assert made.frames_with_candidate > made.frames // 2
    scores: list[Floats] = []
    for image in frames(made.path)[::8]:
        (again,) = check.detector.detect([image])
        found = comparison.templates(comparison.cut(image, again.landmarks))
        scores.append(comparison.compare(templates, found))
    everybody = np.concatenate(scores, axis=1)
    assert everybody[0].max() >= threshold
    assert everybody[1:].max() < threshold
