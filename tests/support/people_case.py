"""Cases with tracklets of coloured faces, as indexing would leave them: a colour is a person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fakes import COLOURS, exhibit, tracklet
from retrofr.case.exhibits import put_exhibit, put_recipe
from retrofr.case.store import Case
from retrofr.case.writing import commit_slice, open_stream
from retrofr.clock import WallClock
from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.recipe import Recipe, recipe_of
from retrofr.scoring import build_scorer
from retrofr.settings import Settings
from retrofr.video.decoding.coverage import CoverageFacts


@dataclass(frozen=True)
class Seen:
    """A face in the footage: from when to when, in seconds, of which colour; ``shade`` makes it a little darker."""

    start: float
    end: float
    colour: str
    shade: float = 0.0

    @property
    def vector(self) -> list[float]:
        return [channel / 255 * (1 - self.shade) for channel in COLOURS[self.colour]]


def fake_recipe(rate: float = 2.0) -> Recipe:
    """The recipe of the fake parts (with the fixture ``fake_parts``)."""
    settings = Settings.from_mapping(
        {"detect": {"detector": "fake"}, "embed": {"embedder": "fake"}, "sampling": {"rate": rate}}
    )
    return recipe_of(settings, build_scorer("fake", {}))


def add_footage(
    case: Case,
    recipe: Recipe,
    name: str,
    seen: Sequence[Seen],
    *,
    camera: str | None = None,
    clock: WallClock | None = None,
) -> list[int]:
    """Put an exhibit with these faces into a case; gives the ids of their tracklets."""
    put_recipe(case, recipe)
    digest = hashlib.sha256(name.encode()).hexdigest()
    item = replace(exhibit(name), sha256=digest, camera=camera)
    item = item if clock is None else replace(item, clock=clock)
    stored = put_exhibit(case, item, hash_check=None, notices=())
    stream = open_stream(case, stored, recipe.key, 0, {})
    found = []
    for number, face in enumerate(seen, 1):
        made = tracklet(face.start, face.end, face.vector, of=item, number=number)
        picture = np.full((32, 32, 3), [c * 255 for c in face.vector], np.uint8)
        jpeg = cv2.imencode(".jpg", picture[:, :, ::-1])[1].tobytes()
        found.append(IndexedTracklet(made, (jpeg, jpeg)))
    progress = StreamProgress(CoverageFacts(), FaceCounts(), None)
    commit_slice(case, stream.id, IndexedSlice(0, tuple(found), progress))
    rows = case.fetch_all("SELECT id FROM tracklets WHERE stream_id = ? ORDER BY id", (stream.id,))
    return [int(row[0]) for row in rows]
