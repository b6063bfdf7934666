"""The proof: what was hidden is looked for again, by the detector and by the embedders of a search."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from retrofr import registry
from retrofr.comparison import build_comparison
from retrofr.operating import find_operating_points
from retrofr.records import Pixels
from retrofr.redaction.checking import picture_check
from retrofr.redaction.geometry import are_same
from retrofr.redaction.painting import with_hidden
from retrofr.runtime import resolve_device
from retrofr.searching import resolve_threshold
from retrofr.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def two_portraits() -> Pixels:
    """Two people beside each other."""
    halves = []
    for name in ("obama-2010", "biden-2010"):
        picture = cv2.imread(str(ROOT / "samples" / "portraits" / f"{name}.jpg"))
        assert picture is not None
        halves.append(cv2.resize(picture, (320, 400), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.hstack(halves)[:, :, ::-1]).astype(np.uint8)


def test_requirement_29_a_bystander_is_neither_found_nor_recognised_again() -> None:
    settings, device = Settings(), resolve_device("cpu")
    comparison = build_comparison(settings.embed.embedder, {}, device)
    module = registry.load("detectors", settings.detect.detector)
    detector = module.build(module.SETTINGS(), device)
    check = picture_check(settings, lambda: device)
    operating = find_operating_points(settings.search, comparison.identity(), detector.name)
    threshold = resolve_threshold(settings.search, comparison, operating).score
    image = two_portraits()
    (faces,) = detector.detect([image])
    assert len(faces) == 2
    own = comparison.templates(comparison.cut(image, faces.landmarks))
    for candidate, other in ((0, 1), (1, 0)):
        others = check.others(image, faces.boxes[candidate], faces.boxes[[other]])
        hidden = with_hidden(image, others, [faces.boxes[candidate]])
        (again,) = check.detector.detect([hidden])
        assert are_same(again.boxes, faces.boxes[candidate]).all()
        assert len(again)
        after = comparison.templates(comparison.cut(hidden, faces.landmarks))
        scores = np.diagonal(comparison.compare(own, after))
        assert scores[other] < threshold <= scores[candidate]


@pytest.mark.slow
def test_requirement_29_nobody_hidden_is_found_again_in_real_footage(shared_data: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "redaction.py"), "--only", "composite", "--data"]
    done = subprocess.run([*command, str(shared_data)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours = done.stdout.partition("5 × 5 blocks")[0]
    assert re.search(r"found again: as it is 0, enlarged 0, contrast 0, sharpened 0\n", ours), done.stdout
    assert re.search(r"alike: 0 of [1-9]\d+ ", ours), done.stdout
