"""Pictures of a face for a person to look at: the frame it is in, and the face set upright.

Other faces that were found in the frame are made unrecognisable: they are not what was searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.alignment import cut_chips
from retrofr.embedders.base import ChipSpec
from retrofr.records import Face, Floats, Pixels, Still

FACE_PICTURE = ChipSpec(224, ((81.0, 92.0), (143.0, 92.0), (112.0, 128.0), (86.0, 160.0), (138.0, 160.0)))
"""A face with some hair and chin round it; the embedders' chips are cut closer."""

JPEG_QUALITY = 92
FACE_JPEG_QUALITY = 88
BOX_COLOUR = (255, 214, 10)
HIDDEN_BLOCKS = 5
"""A bystander's face is reduced to this many blocks across; nobody is recognised from 5 × 5."""


@dataclass(frozen=True, eq=False)
class StillSource:
    """What a still is made from, held until it is known if the face is a candidate.

    ``face`` is (S, S, 3) uint8 RGB; ``frame_jpeg`` is the frame, None where it is not kept, and ``others`` are
    the boxes (K, 4) of the other faces found in it.
    """

    face: Pixels
    frame_jpeg: bytes | None
    others: Floats

    def face_jpeg(self) -> bytes:
        """The face alone, encoded small."""
        return _jpeg(cv2.cvtColor(self.face, cv2.COLOR_RGB2BGR), FACE_JPEG_QUALITY)

    def still(self, face: Face) -> Still:
        """Make everybody else in the frame unrecognisable, draw the face's box and encode both pictures.

        Raises:
            ValueError: the frame is not kept.
        """
        if self.frame_jpeg is None:
            raise ValueError("the frame of this face is not kept")
        frame = cv2.imdecode(np.frombuffer(self.frame_jpeg, np.uint8), cv2.IMREAD_COLOR)
        if frame is None:
            raise ValueError("a frame that was encoded in this run cannot be decoded")
        _hide(frame, self.others, face.box)
        _draw_box(frame, face.box)
        encoded = cv2.imencode(".png", cv2.cvtColor(self.face, cv2.COLOR_RGB2BGR))[1]
        return Still(_jpeg(frame), encoded.tobytes())


def frame_as_jpeg(image: Pixels) -> bytes:
    """Encode a frame (H, W, 3) uint8 RGB."""
    return _jpeg(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def face_picture(image: Pixels, landmarks: Floats) -> Pixels:
    """The face of landmarks (5, 2), upright: (224, 224, 3) uint8 RGB, only resampled from the frame."""
    (face,) = cut_chips(image, landmarks[None], FACE_PICTURE)
    return np.asarray(face, np.uint8)


def _jpeg(bgr: npt.NDArray[Any], quality: int = JPEG_QUALITY) -> bytes:
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _hide(bgr: npt.NDArray[Any], others: Floats, shown: Floats) -> None:
    """Reduce other faces, with a margin, to a few flat blocks; the face that is shown stays as it was."""
    x1, y1, x2, y2 = _inside(bgr, shown, margin=0.0)
    kept = bgr[y1:y2, x1:x2].copy()
    for box in others:
        left, top, right, bottom = _inside(bgr, box, margin=0.25)
        place = bgr[top:bottom, left:right]
        if place.size:
            blocks = cv2.resize(place, (HIDDEN_BLOCKS, HIDDEN_BLOCKS), interpolation=cv2.INTER_AREA)
            size = (right - left, bottom - top)
            place[:] = cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST)
    bgr[y1:y2, x1:x2] = kept


def _inside(bgr: npt.NDArray[Any], box: Floats, margin: float) -> tuple[int, int, int, int]:
    """A box grown by a share of its size on each side, in whole pixels of the picture."""
    height, width = bgr.shape[:2]
    grow_x, grow_y = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    x1, x2 = np.clip((int(box[0] - grow_x), int(np.ceil(box[2] + grow_x))), 0, width)
    y1, y2 = np.clip((int(box[1] - grow_y), int(np.ceil(box[3] + grow_y))), 0, height)
    return int(x1), int(y1), int(x2), int(y2)


def _draw_box(bgr: npt.NDArray[Any], box: Floats) -> None:
    """Draw round the box, not over the face: the line lies outside it."""
    thick = max(2, round(bgr.shape[0] / 360))
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    corners = (x1 - thick - 1, y1 - thick - 1), (x2 + thick, y2 + thick)
    cv2.rectangle(bgr, *corners, color=BOX_COLOUR[::-1], thickness=thick)
