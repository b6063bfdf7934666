"""Finds a face's landmarks once more, closely, and cuts it out so that they lie where an embedder expects them."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels

_Matrix = npt.NDArray[np.float64]

LandmarkNet = Callable[[Pixels], Floats]
"""Upright pictures of one face each (N, 48, 48, 3) uint8 RGB to landmarks (N, 5, 2) as fractions of the side."""

LANDMARK_NET_SIDE = 48
# Mean places of MTCNN's landmarks in its boxes, made square, over 640 photos of 80 people, in pixels of 48.
_LANDMARKS_IN_BOX = np.array(
    [(15.12, 18.46), (31.88, 18.46), (23.5, 28.57), (16.11, 35.70), (30.89, 35.70)], np.float32
)
_SAME_LANDMARK_MIRRORED = (1, 0, 2, 4, 3)
_MAX_OVERSAMPLING = 4
_SMALLEST_SPREAD_PIXELS = 1e-3


def cut_chips(image: Pixels, landmarks: Floats, spec: ChipSpec) -> Pixels:
    """Cut one aligned chip per face.

    The similarity transform (turn, scale, shift) that brings the landmarks nearest to the chip's, by least
    squares, says which part of the picture the chip shows. A face larger than the chip is averaged down, not
    sampled, so that fine texture does not turn into noise. What lies outside the picture is black.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (K, 5, 2) in pixels of ``image``, in the order of the contracts.
        spec: the embedder's.

    Returns:
        (K, S, S, 3) uint8 RGB. A face whose landmarks fall on one point or are not numbers has a black chip.

    Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    side = spec.side_pixels
    chips = np.zeros((len(landmarks), side, side, 3), np.uint8)
    for chip, points in zip(chips, landmarks, strict=True):
        transform = similarity_transform(spec.points, points)
        if transform is not None:
            chip[:] = _cut(image, transform, side)
    return chips


def refine_landmarks(image: Pixels, landmarks: Floats, net: LandmarkNet) -> Floats:
    """Find the landmarks of faces once more, each in an upright picture of just that face.

    A detector sees a face of any size anywhere in a frame; a net that sees one face at one size places landmarks
    better. The face and its mirror image are both looked at, and the two answers averaged.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (K, 5, 2) in pixels of ``image``, from a detector.
        net: see LandmarkNet.

    Returns:
        (K, 5, 2) float32. Landmarks that fall on one point or are not numbers stay as they are.
    """
    refined = landmarks.astype(np.float32)
    boxes = [upright_box(points) for points in landmarks]
    usable = [number for number, box in enumerate(boxes) if box is not None]
    if not usable:
        return refined
    faces = np.stack([_cut(image, box, LANDMARK_NET_SIDE) for box in boxes if box is not None])
    found = net(np.concatenate([faces, faces[:, :, ::-1]])) * LANDMARK_NET_SIDE - 0.5
    plain, mirrored = found[: len(faces)], found[len(faces) :].copy()
    mirrored[..., 0] = LANDMARK_NET_SIDE - 1 - mirrored[..., 0]
    mean = (plain + mirrored[:, _SAME_LANDMARK_MIRRORED]) / 2
    for number, points in zip(usable, mean, strict=True):
        box = boxes[number]
        assert box is not None
        refined[number] = points @ box[:, :2].T + box[:, 2]
    return refined


def upright_box(points: Floats) -> _Matrix | None:
    """The (2, 3) matrix from pixels of the square around a face, as MTCNN would see it, to those of the picture."""
    if not np.isfinite(points).all():
        return None
    wide = points.astype(np.float64)
    spread = float(((wide - wide.mean(axis=0)) ** 2).sum())
    if spread < _SMALLEST_SPREAD_PIXELS:
        return None
    there = _LANDMARKS_IN_BOX.astype(np.float64)
    scale = math.sqrt(spread / float(((there - there.mean(axis=0)) ** 2).sum()))
    shift = wide.mean(axis=0) - scale * there.mean(axis=0)
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def similarity_transform(chip_points: Floats, image_points: Floats) -> _Matrix | None:
    """The (2, 3) matrix that takes chip coordinates to picture coordinates; None where it is not defined.

    It is the inverse of the least-squares transform from picture to chip, so the error that is made least is
    counted in chip pixels.
    """
    if not np.isfinite(image_points).all():
        return None
    chip = chip_points[:, 0].astype(np.float64) + 1j * chip_points[:, 1]
    image = image_points[:, 0].astype(np.float64) + 1j * image_points[:, 1]
    chip_offset, image_offset = chip - chip.mean(), image - image.mean()
    spread = float(np.sum(np.abs(image_offset) ** 2))
    agreement = np.sum(np.conj(image_offset) * chip_offset)
    if spread < _SMALLEST_SPREAD_PIXELS or abs(agreement) < 1e-6 * spread:
        return None
    # As complex numbers a turn with a scale is one factor; the least-squares one to the chip is agreement / spread.
    turn = spread / agreement
    shift = image.mean() - turn * chip.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def chip_corners(transform: _Matrix, side: int) -> npt.NDArray[np.float64]:
    """Where the corners of a chip lie in the picture, (4, 2); ``transform`` (2, 3) takes its pixels there."""
    corners: npt.NDArray[np.float64] = (
        np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]]) @ transform.T
    )
    return corners


def _cut(image: Pixels, transform: _Matrix, side: int) -> Pixels:
    """Sample the chip on a grid ``times`` finer than its own, then average the grid down."""
    scale = math.hypot(transform[0, 0], transform[1, 0])
    if scale > _MAX_OVERSAMPLING:
        shrunk = _shrink(image, transform, side, int(scale // (_MAX_OVERSAMPLING / 2)))
        if shrunk is None:
            return np.zeros((side, side, 3), np.uint8)
        image, transform = shrunk
        scale = math.hypot(transform[0, 0], transform[1, 0])
    times = min(max(math.ceil(scale), 1), _MAX_OVERSAMPLING)
    fine = transform.copy()
    fine[:, :2] /= times
    # Pixel (0, 0) of the chip is the centre of its block of finer samples.
    fine[:, 2] -= fine[:, :2] @ np.full(2, (times - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (side * times, side * times)
    chip = cv2.warpAffine(image, fine, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    if times > 1:
        chip = cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(chip, np.uint8)


def _shrink(image: Pixels, transform: _Matrix, side: int, factor: int) -> tuple[Pixels, _Matrix] | None:
    """The part of the picture the chip shows, averaged down by a whole factor, and the transform to it.

    None where the chip shows nothing of the picture. Averaging first bounds the work for very large faces.
    """
    corners = chip_corners(transform, side)
    limit = [image.shape[1], image.shape[0]]
    low = np.clip(np.floor(corners.min(axis=0)) - 2 * factor, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 2 * factor, 0, limit).astype(int)
    width, height = (-(-(high - low) // factor)).tolist()
    if width < 1 or height < 1:
        return None
    part = image[low[1] : high[1], low[0] : high[0]]
    below, right = height * factor - part.shape[0], width * factor - part.shape[1]
    part = np.pad(part, ((0, below), (0, right), (0, 0)))
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    moved = transform / factor
    moved[:, 2] = (transform[:, 2] - low + 0.5) / factor - 0.5
    return np.asarray(small, np.uint8), moved
