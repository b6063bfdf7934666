"""Our detectors against the implementations they are rebuilt from, on real pictures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from retrofr.detectors import mtcnn, yunet
from retrofr.detectors._found import Found
from retrofr.detectors._pictures import resized
from retrofr.detectors._yunet_looks import decode, padded
from retrofr.records import Floats, Pixels
from retrofr.runtime import Runner, resolve_device
from retrofr.weights import find_weights


def pictures(shared_data: Path, photos: int, longest: int = 640) -> list[Pixels]:
    """Photos of many people, at most so many pixels a side, and frames of a crowded street and of a desk."""
    files = sorted((shared_data / "faces").glob("*/*.jpg"))
    files = files[:: len(files) // photos][:photos]
    chosen = [np.asarray(cv2.imread(str(file)), np.uint8)[..., ::-1] for file in files]
    street = frames_of(shared_data / "clips/street/street_1080p.mp4", every=60)
    desk = frames_of(shared_data / "clips/webcam/help.mkv", every=60)
    chosen = [no_larger(picture, longest) for picture in chosen]
    return [np.ascontiguousarray(picture) for picture in [*chosen, *street, *desk]]


def no_larger(picture: Pixels, longest: int) -> Pixels:
    scale = min(1.0, longest / max(picture.shape))
    return resized(picture, round(picture.shape[0] * scale), round(picture.shape[1] * scale))


def frames_of(path: Path, every: int) -> list[Pixels]:
    with av.open(str(path)) as container:
        decoded = enumerate(container.decode(video=0))
        chosen = (frame for number, frame in decoded if number % every == 0)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in chosen]


def overlaps(box: Floats, boxes: Floats) -> Floats:
    corners = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(corners[1] - corners[0], 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(shared / (np.prod(box[2:] - box[:2]) + areas - shared), np.float32)


class Tally:
    """Counts reference faces that we find as well, and how far apart the landmarks are."""

    def __init__(self) -> None:
        self.faces = self.found = self.ours = 0
        self.landmark_errors: list[float] = []

    def add(self, expected: Floats, expected_landmarks: Floats, boxes: Floats, landmarks: Floats) -> None:
        self.faces += len(expected)
        self.ours += len(boxes)
        for box, points in zip(expected, expected_landmarks, strict=True):
            shared = overlaps(box, boxes) if len(boxes) else np.zeros(1, np.float32)
            if shared.max() >= 0.9:
                self.found += 1
                error = np.abs(landmarks[shared.argmax()] - points).max()
                self.landmark_errors.append(float(error) / float(np.sqrt(np.prod(box[2:] - box[:2]))))

    def check(self, at_least: int) -> None:
        assert self.faces >= at_least, "too few faces to say anything"
        assert self.found >= 0.98 * self.faces, f"{self.found} of {self.faces}"
        assert self.ours <= 1.02 * self.faces, f"{self.ours} for {self.faces}"
        assert max(self.landmark_errors) < 0.01


@pytest.fixture(scope="module")
def yunet_net() -> Runner:
    return yunet.compile_net(resolve_device("cpu"))


def yunet_at(net: Runner, picture: Pixels, threshold: float) -> Found:
    """One look of YuNet at a picture as it is, as OpenCV has it."""
    return decode(net(padded([picture])), threshold).best(0.3)


def test_one_look_of_yunet_is_opencvs(yunet_net: Runner, shared_data: Path) -> None:
    path = find_weights(yunet.WEIGHTS[0])
    reference = cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.6, 0.3, 5000)
    tally = Tally()
    for picture in pictures(shared_data, 120):
        small = resized(picture, picture.shape[0] // 2, picture.shape[1] // 2)
        for look in [picture, small] if picture.size < 1_000_000 else [small]:
            reference.setInputSize((look.shape[1], look.shape[0]))
            found: object = reference.detect(np.ascontiguousarray(look[..., ::-1]))[1]
            faces = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
            boxes = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)
            ours = yunet_at(yunet_net, look, 0.6)
            tally.add(boxes, faces[:, 4:14].reshape(-1, 5, 2), ours.boxes, ours.landmarks)
    tally.check(at_least=240)


@pytest.mark.slow
def test_yunets_two_looks_find_what_one_full_size_look_finds(yunet_net: Runner, shared_data: Path) -> None:
    """The quick way may not lose faces: nearly all that a look at every pixel finds from 24 px on, and well placed."""
    detector = yunet.build(yunet.SETTINGS(), resolve_device("cpu"))
    faces = found = 0
    for picture in pictures(shared_data, 120):
        full = yunet_at(yunet_net, picture, 0.8)
        full = full.pick(full.sizes >= 26)
        (ours,) = detector.detect([picture])
        faces += len(full)
        if len(ours):
            found += sum(overlaps(box, ours.boxes).max() >= 0.5 for box in full.boxes)
    assert faces >= 120
    assert found >= 0.98 * faces, f"{found} of {faces}"


@pytest.mark.slow
def test_mtcnn_is_facenet_pytorchs(shared_data: Path) -> None:
    import torch
    from facenet_pytorch import MTCNN

    assert find_spec("facenet_pytorch") is not None
    reference = MTCNN(min_face_size=40, keep_all=True, select_largest=False)
    detector = mtcnn.build(mtcnn.SETTINGS(min_face_pixels=40), resolve_device("cpu"))
    tally = Tally()
    torch.set_num_threads(1)
    for picture in pictures(shared_data, 120, longest=320):
        with torch.inference_mode():
            boxes, _, landmarks = reference.detect(picture, landmarks=True)
        if boxes is None:
            boxes, landmarks = np.zeros((0, 4)), np.zeros((0, 5, 2))
        limits = [picture.shape[1], picture.shape[0]] * 2
        (ours,) = detector.detect([picture])
        clipped = np.clip(boxes, 0, limits).astype(np.float32)
        tally.add(clipped, np.asarray(landmarks, np.float32), ours.boxes, ours.landmarks)
    tally.check(at_least=120)


@pytest.mark.parametrize("part", [yunet, mtcnn], ids=["yunet", "mtcnn"])
def test_openvino_gives_what_torch_gives(part: object, shared_data: Path) -> None:
    frames = pictures(shared_data, 6)[:7]
    quick, plain = (
        part.build(part.SETTINGS(min_face_pixels=40), resolve_device("cpu", backend=backend))  # type: ignore[attr-defined]
        for backend in ("openvino", "torch")
    )
    for one, other in zip(quick.detect(frames), plain.detect(frames), strict=True):
        assert len(one) == len(other) > 0
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
        np.testing.assert_allclose(one.landmarks, other.landmarks, atol=1e-2)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-2)
