"""Pictures of a face for a person to look at: the frame it is in, and the face set upright."""

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
BOX_COLOUR = (255, 214, 10)


@dataclass(frozen=True, eq=False)
class StillSource:
    """What a still is made from (a frame as JPEG, a face), held until it is known if it is a candidate."""

    frame_jpeg: bytes
    face: Pixels

    def still(self, face: Face) -> Still:
        """Draw the face's box into the frame and encode both pictures."""
        frame = cv2.imdecode(np.frombuffer(self.frame_jpeg, np.uint8), cv2.IMREAD_COLOR)
        if frame is None:
            raise ValueError("a frame that was encoded in this run cannot be decoded")
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


def _jpeg(bgr: npt.NDArray[Any]) -> bytes:
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _draw_box(bgr: npt.NDArray[Any], box: Floats) -> None:
    """Draw round the box, not over the face: the line lies outside it."""
    thick = max(1, round(bgr.shape[0] / 360))
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    corners = (x1 - thick - 1, y1 - thick - 1), (x2 + thick, y2 + thick)
    cv2.rectangle(bgr, *corners, color=BOX_COLOUR[::-1], thickness=thick)
