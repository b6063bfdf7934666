"""A photo gives one template, or the reason why not; nothing is dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from labelled import draw_photo

from fakes import COLOURS, ColourDetector, ColourEmbedder, NoSettings, draw_face, scene
from retrofr.comparison import Comparison
from retrofr.evaluation.photos import NO_FACE, PhotoFaces, embed_photos, main_face, score_matrix
from retrofr.records import Detections
from retrofr.settings import QualitySettings

COMPARISON = Comparison([ColourEmbedder()], [NoSettings()])


def embedded(paths: list[Path], *, gate: bool = False, **limits: float) -> PhotoFaces:
    return embed_photos(paths, ColourDetector(), COMPARISON, QualitySettings(**limits), gate=gate)  # type: ignore[arg-type]


def test_the_main_face_is_large_and_near_the_middle() -> None:
    image = scene()
    draw_face(image, COLOURS["red"], 2, 2, 70)
    draw_face(image, COLOURS["blue"], 130, 90, 66)
    draw_face(image, COLOURS["green"], 220, 150, 30)
    found = ColourDetector().detect([image])[0]
    chosen = main_face(image, found)
    assert chosen is not None
    assert found.boxes[chosen].tolist() == [130, 90, 196, 156]
    assert main_face(image, Detections.none()) is None


@pytest.mark.parametrize(("score", "chosen"), [(0.95, 1), (0.81, 1), (0.79, 0)])
def test_a_face_found_much_less_clearly_is_passed_over(score: float, chosen: int) -> None:
    boxes = np.array([(100, 80, 140, 130), (100, 80, 220, 200)], np.float32)
    landmarks = np.zeros((2, 5, 2), np.float32)
    found = Detections(boxes, landmarks, np.array([0.9, score], np.float32))
    assert main_face(scene(), found) == chosen


def test_a_photo_without_a_face_reaches_no_threshold_and_stays(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.png", "none.png", "b.png", "broken.png")]
    draw_photo(paths[0], COLOURS["red"])
    draw_photo(paths[1], None)
    draw_photo(paths[2], COLOURS["blue"])
    paths[3].write_bytes(b"no picture")
    told: list[tuple[int, int]] = []
    faces = embed_photos(
        paths, ColourDetector(), COMPARISON, QualitySettings(), lambda done, total: told.append((done, total))
    )
    assert told == [(4, 4)]
    assert faces.acquired.tolist() == [True, False, True, False]
    assert faces.failures == ("", NO_FACE, "", "is not a picture that can be read")
    assert faces.unreadable == ("", "", "", "is not a picture that can be read")
    scores = score_matrix(faces, COMPARISON)
    assert scores.shape == (4, 4)
    assert np.isneginf(scores[1]).all()
    assert np.isneginf(scores[:, 3]).all()
    assert np.isfinite(scores[0, 2])
    assert (scores == scores.T).all()


def test_unfit_faces_fail_only_where_they_are_gated(tmp_path: Path) -> None:
    draw_photo(tmp_path / "a.png", COLOURS["red"])
    assert embedded([tmp_path / "a.png"], gate=True).acquired.all()
    limits = {"min_eye_distance_pixels": 30.0}
    loose, gated = (embedded([tmp_path / "a.png"], gate=gate, **limits) for gate in (False, True))
    assert loose.acquired.all()
    assert not gated.acquired.any()
    assert gated.failures == ("too small: less than 30 px between the eyes",)


def test_many_photos_are_the_same_as_single_ones(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(35)]
    for number, path in enumerate(paths):
        draw_photo(path, None if number % 7 == 3 else (200, 20, 5 * number))
    together = embedded(paths)
    singles = [embedded([path]) for path in paths]
    assert np.array_equal(together.templates, np.concatenate([one.templates for one in singles]))
    assert together.failures == tuple(one.failures[0] for one in singles)
    kept = together.only(together.acquired)
    assert len(kept.qualities) == len(kept.failures) == int(together.acquired.sum())
