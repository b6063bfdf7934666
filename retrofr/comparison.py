"""From a picture to comparable templates: cuts chips of faces and embeds them, with one embedder or several.

How templates are compared, which needs no net, is in :mod:`retrofr.scoring`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retrofr.alignment import LANDMARK_NET_SIDE, LandmarkNet, cut_chips, refine_landmarks
from retrofr.embedders._landmarks import build_landmark_net
from retrofr.embedders.base import Embedder
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device
from retrofr.scoring import LANDMARK_WEIGHTS, NonMated, Scorer, choose_embedders
from retrofr.settings import StageSettings

FaceChips = tuple[Pixels, ...]
"""The chips of one face, one for each embedder of a comparison: (S, S, 3) uint8 RGB."""


class Comparison(Scorer):
    """A scorer that also makes the templates it compares.

    Args:
        embedders: at least one; their templates lie side by side in this order.
        settings: of each embedder; the default threshold holds only for default settings.
        spreads: of each embedder, needed only for fusing.
        landmark_net: finds each face's landmarks once more before chips are cut; None leaves them as detected.
    """

    def __init__(
        self,
        embedders: Sequence[Embedder],
        settings: Sequence[StageSettings],
        spreads: Sequence[NonMated] = (),
        landmark_net: LandmarkNet | None = None,
    ) -> None:
        super().__init__(embedders, settings, spreads, refined=landmark_net is not None)
        self.embedders = tuple(embedders)
        self._landmark_net = landmark_net

    def cut(self, image: Pixels, landmarks: Floats) -> list[FaceChips]:
        """Cut the chips of each face: image (H, W, 3) uint8 RGB, landmarks (K, 5, 2) in its pixels."""
        if self._landmark_net is not None:
            landmarks = refine_landmarks(image, landmarks, self._landmark_net)
        parts = [cut_chips(image, landmarks, part.chip) for part in self.embedders]
        return list(zip(*parts, strict=True))

    def templates(self, faces: Sequence[FaceChips]) -> Floats:
        """Embed faces: (N, D) float32, the embedders' vectors side by side."""
        vectors = []
        for number, part in enumerate(self.embedders):
            side = part.chip.side_pixels
            chips = [face[number] for face in faces]
            vectors.append(part.embed(np.stack(chips) if chips else np.zeros((0, side, side, 3), np.uint8)))
        return np.concatenate(vectors, axis=1)


def build_comparison(
    text: str, parts: Mapping[str, Mapping[str, Any]], device: Device, *, refine: bool = True
) -> Comparison:
    """Load the embedders named in ``text``, joined by ``+``.

    Args:
        text: for example ``sface`` or ``sface+dlib-resnet``.
        parts: settings of parts by name, as ``Settings.parts`` holds them.
        device: where the nets run.
        refine: find each face's landmarks once more before chips are cut; the default thresholds hold only with it.

    Raises:
        UsageError: a name is unknown, empty or given twice, or two embedders cannot be fused because the spread
            of their scores was not measured.
        ModelError: an embedder or its weights cannot be used.
    """
    chosen = choose_embedders(text, parts)
    embedders: list[Embedder] = [
        module.build(own, device) for module, own in zip(chosen.modules, chosen.settings, strict=True)
    ]
    net = build_landmark_net(LANDMARK_WEIGHTS, device, LANDMARK_NET_SIDE) if refine else None
    return Comparison(embedders, chosen.settings, chosen.spreads, net)
