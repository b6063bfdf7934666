"""Clustering of real faces: a part of what ``benchmarks/people.py`` measures."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from retrofr import registry
from retrofr.case.gathering import gather
from retrofr.clustering import cluster
from retrofr.comparison import build_comparison
from retrofr.gallery.base import TemplateBlock
from retrofr.people import people_threshold
from retrofr.runtime import resolve_device
from retrofr.settings import PeopleSettings, Settings

EVERY = 8  # of 80 people; all of them take a minute


@pytest.mark.slow
def test_photos_are_clustered_by_person_with_default_settings(shared_data: Path) -> None:
    with (shared_data / "faces" / "index.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    people = np.unique([row["identity"] for row in rows], return_inverse=True)[1]
    device = resolve_device("cpu")
    comparison = build_comparison(Settings().embed.embedder, {}, device)
    module = registry.load("detectors", Settings().detect.detector)
    detector = module.build(module.SETTINGS(), device)
    faces, labels = [], []
    for row, person in zip(rows, people.tolist(), strict=True):
        if person % EVERY:
            continue
        picture = cv2.imread(str(shared_data / "faces" / row["file"]))
        assert picture is not None
        image = np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8)
        found = detector.detect([image])[0]
        if len(found):
            largest = int((found.boxes[:, 2:] - found.boxes[:, :2]).prod(axis=1).argmax())
            faces += comparison.cut(image, found.landmarks[largest][None])
            labels.append(person)
    assert len(faces) >= 78
    ids = np.arange(len(faces))
    read = gather([TemplateBlock(ids, np.ones_like(ids), comparison.templates(faces))], comparison)
    threshold = people_threshold(PeopleSettings(), comparison)
    clusters = cluster(read.points, read.curve.squared_at(threshold.score), neighbours=20)
    together = clusters[:, None] == clusters[None]
    same = np.equal.outer(labels, labels)
    precision = float(((together & same).sum(axis=1) / together.sum(axis=1)).mean())
    recall = float(((together & same).sum(axis=1) / same.sum(axis=1)).mean())
    assert 2 * precision * recall / (precision + recall) >= 0.88
    assert precision >= 0.98
