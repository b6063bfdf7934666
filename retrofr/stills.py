"""Pictures of a face for a person to look at: the frame it is in, and the face set upright.

Everybody else in them is hidden, as :mod:`retrofr.redaction` says: whoever was found in the frame, and whoever is
found when the very picture is looked through once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.alignment import cut_chips
from retrofr.embedders.base import ChipSpec
from retrofr.face_view import FaceView
from retrofr.records import Face, Floats, Pixels, Still
from retrofr.redaction.checking import PictureCheck
from retrofr.redaction.painting import with_hidden

FACE_PICTURE = ChipSpec(224, ((81.0, 92.0), (143.0, 92.0), (112.0, 128.0), (86.0, 160.0), (138.0, 160.0)))
"""A face with some hair and chin round it; the embedders' chips are cut closer."""

FACE_IN_PICTURE = np.array([47, 32, 177, 208], np.float32)
"""Where a detector's box of the face lies in a picture of it, near enough to tell it from others."""

JPEG_QUALITY = 92
FACE_JPEG_QUALITY = 88
BOX_COLOUR = (255, 214, 10)

_NOBODY = np.zeros((0, 4), np.float32)


@dataclass(frozen=True, eq=False)
class StillSource:
    """What a still is made from, held until it is known if the face is a candidate.

    ``view`` is the part of the frame around the face; ``frame_jpeg`` is the frame, None where it is not kept, and
    ``others`` are the boxes (K, 4) of the other faces found in it, in frame pixels.
    """

    view: FaceView
    frame_jpeg: bytes | None
    others: Floats

    def face_jpeg(self, face: Face) -> bytes:
        """The face alone, encoded small; whoever was found beside it is hidden."""
        return _jpeg(cv2.cvtColor(self._picture(face, self.others), cv2.COLOR_RGB2BGR), FACE_JPEG_QUALITY)

    def still(self, face: Face, check: PictureCheck | None) -> Still:
        """Hide everybody else in the frame, draw the face's box and encode both pictures.

        Args:
            face: that is shown.
            check: looks for whom to hide; None hides nobody, for which somebody must have given a reason.

        Raises:
            ValueError: the frame is not kept.
            ModelError: the frame could not be checked; nothing is shown then.
        """
        if self.frame_jpeg is None:
            raise ValueError("the frame of this face is not kept")
        bgr = cv2.imdecode(np.frombuffer(self.frame_jpeg, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            raise ValueError("a frame that was encoded in this run cannot be decoded")
        others = _NOBODY
        if check is not None:
            image = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            others = check.others(image, face.box, self.others)
        frame = with_hidden(np.asarray(bgr, np.uint8), others, [face.box])
        _draw_box(frame, face.box)
        return Still(_jpeg(frame), _png(self._picture(face, others)), None if check is None else len(others))

    def _picture(self, face: Face, others: Floats) -> Pixels:
        """The face, upright, with others hidden before it is resampled."""
        corner = np.tile(face.landmarks[0] - self.view.landmarks[0], 2)
        pixels = with_hidden(self.view.pixels, others - corner, [face.box - corner])
        return face_picture(pixels, self.view.landmarks)


def kept_face(jpeg: bytes, check: PictureCheck | None) -> tuple[bytes, int | None]:
    """A picture of a face as a case keeps it, ready to be shown; and how many others are hidden by it.

    Whoever was found beside the face is hidden in it since it was made; others that are found now are as well. The
    picture is the same, byte by byte, where there are none.

    Args:
        jpeg: of :func:`face_picture`.
        check: looks for whom to hide; None hides nobody, for which somebody must have given a reason.

    Raises:
        ModelError: it could not be checked.
        ValueError: it is no picture.
    """
    if check is None:
        return jpeg, None
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("a face picture of the case cannot be decoded")
    image = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    others = check.others(image, FACE_IN_PICTURE, _NOBODY)
    if not len(others):
        return jpeg, 0
    hidden = with_hidden(np.asarray(bgr, np.uint8), others, [FACE_IN_PICTURE])
    return _jpeg(hidden, FACE_JPEG_QUALITY), len(others)


def frame_as_jpeg(image: Pixels) -> bytes:
    """Encode a frame (H, W, 3) uint8 RGB."""
    return _jpeg(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def face_picture(image: Pixels, landmarks: Floats) -> Pixels:
    """The face of landmarks (5, 2), upright: (224, 224, 3) uint8 RGB, only resampled from the frame."""
    (face,) = cut_chips(image, landmarks[None], FACE_PICTURE)
    return np.asarray(face, np.uint8)


def _jpeg(bgr: npt.NDArray[Any], quality: int = JPEG_QUALITY) -> bytes:
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _png(rgb: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1])


def _draw_box(bgr: npt.NDArray[Any], box: Floats) -> None:
    """Draw round the box, not over the face: the line lies outside it."""
    thick = max(2, round(bgr.shape[0] / 360))
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    corners = (x1 - thick - 1, y1 - thick - 1), (x2 + thick, y2 + thick)
    cv2.rectangle(bgr, *corners, color=BOX_COLOUR[::-1], thickness=thick)
