"""Cut the portraits and the probe out of the packages that carry them, as they lie in this folder.

Run once by whoever adds a picture; what it wrote is committed. README.md names the packages and their files.

    python samples/cut_portraits.py FOLDER      # FOLDER holds the unpacked packages, side by side

Each portrait is a crop around the head and shoulders, shrunk until the eyes are 64 px apart (never enlarged), with
a matte of the same size: GrabCut from a rough head and shoulders, and polygons where that does not suffice.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
EYE_DISTANCE = 64.0

Image = npt.NDArray[np.uint8]
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Cut:
    """Where a picture comes from and what of it is used.

    ``eyes`` are x, y of the left and the right eye as the viewer sees them, in the source's pixels. The polygons
    are background that GrabCut would keep, in eye distances from between the eyes.
    """

    source: str
    sha256: str
    eyes: tuple[float, float, float, float]
    background: tuple[Polygon, ...] = ()


TESTS = "face_recognition-1.3.0/tests/test_images"
PORTRAITS = {
    "obama-2012": Cut(
        f"{TESTS}/obama.jpg",
        "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
        (443.1, 208.2, 550.2, 210.5),
    ),
    "obama-2010": Cut(
        f"{TESTS}/obama3.jpg",
        "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
        (742.7, 381.6, 862.1, 389.7),
        (
            (
                (0.62, 1.3),
                (4.6, 1.3),
                (4.6, 3.3),
                (1.6, 3.05),
                (1.15, 2.9),
                (0.5, 2.48),
                (0.42, 2.3),
                (0.42, 1.75),
            ),
            (
                (-0.9, -2.6),
                (1.5, -2.6),
                (1.5, -0.5),
                (0.98, -0.55),
                (0.78, -1.0),
                (0.3, -1.34),
                (-0.9, -1.25),
            ),
        ),
    ),
    "biden-2010": Cut(
        f"{TESTS}/biden.jpg",
        "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
        (530.6, 324.4, 651.0, 345.8),
        (
            (
                (1.2, 0.7),
                (4.6, 0.7),
                (4.6, 3.6),
                (2.9, 3.1),
                (1.35, 2.8),
                (0.5, 2.27),
                (0.5, 1.75),
                (0.95, 1.0),
            ),
            ((0.8, -1.75), (1.4, -1.75), (1.4, -0.6), (1.15, -0.9), (0.95, -1.3)),
        ),
    ),
    "hopper-1984": Cut(
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        (227.8, 193.7, 307.9, 195.5),
        (
            (
                (-3.0, -0.3),
                (-1.45, -0.3),
                (-1.32, 0.35),
                (-1.2, 0.9),
                (-0.95, 0.95),
                (-0.85, 1.5),
                (-3.0, 1.6),
            ),
            ((-3.6, 3.8), (-3.05, 3.8), (-2.95, 5.2), (-3.6, 5.2)),
        ),
    ),
    "collins-1992": Cut(
        "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        (200.1, 101.8, 247.2, 102.6),
        (((1.9, -3.0), (6.0, -3.0), (6.0, 6.0), (2.95, 6.0), (2.6, 3.6), (1.9, 2.6)),),
    ),
}
PROBE = Cut(
    f"{TESTS}/obama2.jpg",
    "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    (252.8, 361.5, 376.0, 382.5),
)


def read_source(folder: Path, cut: Cut) -> Image:
    data = (folder / cut.source).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != cut.sha256:
        raise SystemExit(f"{cut.source}: its SHA-256 is {digest}, not {cut.sha256}")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def crop(image: Image, cut: Cut) -> tuple[Image, tuple[float, float], float]:
    """The head and shoulders, shrunk; the point between the eyes and their distance, in the crop's pixels."""
    x1, y1, x2, y2 = cut.eyes
    distance = float(np.hypot(x2 - x1, y2 - y1))
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, int(x - 4.6 * distance)), max(0, int(y - 2.9 * distance))
    piece = image[top : int(y + 4.8 * distance), left : int(x + 4.6 * distance)]
    scale = min(1.0, EYE_DISTANCE / distance)
    piece = np.asarray(cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return piece, ((x - left) * scale, (y - top) * scale), distance * scale


def rough_mask(shape: tuple[int, int], eyes: tuple[float, float], unit: float, cut: Cut) -> Image:
    """What GrabCut starts from: surely and probably the person, probably and surely not."""
    height, width = shape
    x, y = eyes

    def polygon(*points: tuple[float, float]) -> npt.NDArray[np.int32]:
        return np.array([(x + px * unit, min(y + py * unit, height)) for px, py in points], np.int32)

    def head(label: int, half_width: float, half_height: float, down: float) -> None:
        axes = (int(half_width * unit), int(half_height * unit))
        cv2.ellipse(mask, (int(x), int(y + down * unit)), axes, 0, 0, 360, label, -1)

    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    rows, columns = np.ogrid[:height, :width]
    far = np.hypot((columns - x) / 1.9, (rows - y - 0.3 * unit) / 2.6) > unit
    mask[far & (rows < y + 1.3 * unit)] = cv2.GC_BGD
    head(cv2.GC_PR_FGD, 1.35, 2.35, 0.2)
    shoulders = polygon((-0.9, 1.6), (0.9, 1.6), (3.3, 2.9), (3.8, 99), (-3.8, 99), (-3.3, 2.9))
    chest = polygon((-0.6, 1.5), (0.6, 1.5), (1.8, 3.4), (2.2, 99), (-2.2, 99), (-1.8, 3.4))
    cv2.fillPoly(mask, [shoulders], cv2.GC_PR_FGD)
    cv2.fillPoly(mask, [chest], cv2.GC_FGD)
    head(cv2.GC_FGD, 0.9, 1.75, 0.1)
    for points in cut.background:
        cv2.fillPoly(mask, [polygon(*points)], cv2.GC_BGD)
    return mask


def matte(piece: Image, eyes: tuple[float, float], unit: float, cut: Cut) -> Image:
    mask = rough_mask((piece.shape[0], piece.shape[1]), eyes, unit, cut)
    cv2.setRNGSeed(1)
    cv2.grabCut(piece, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 8, cv2.GC_INIT_WITH_MASK)
    person: cv2.typing.MatLike = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(person)
    person = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5)))
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5)))
    person = cv2.erode(person, np.ones((3, 3)), borderValue=1)
    return np.asarray(cv2.GaussianBlur(person * 255, (0, 0), 1.2), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", type=Path, help="folder with the unpacked packages")
    folder = parser.parse_args().packages
    for name, cut in PORTRAITS.items():
        piece, (x, y), unit = crop(read_source(folder, cut), cut)
        cv2.imwrite(str(HERE / "portraits" / f"{name}.jpg"), piece, [cv2.IMWRITE_JPEG_QUALITY, 90])
        cv2.imwrite(str(HERE / "portraits" / f"{name}-matte.png"), matte(piece, (x, y), unit, cut))
        x1, y1, x2, y2 = cut.eyes
        tilt = float(np.degrees(np.arctan2(y2 - y1, x2 - x1)))
        print(f'"{name}": Portrait({x:.1f}, {y:.1f}, {unit:.1f}, {tilt:.1f}),')
    probe = read_source(folder, PROBE)[80:820]
    cv2.imwrite(str(HERE / "probes" / "obama.jpg"), probe, [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()
