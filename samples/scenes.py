"""The drawn rooms of the sample footage: what lies behind people, and what stands before them. All colours BGR."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """A picture drawn in fractions of its width and height, with a matte of what was drawn."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.image: Picture = np.zeros((height, width, 3), np.uint8)
        self.matte: Picture = np.zeros((height, width), np.uint8)
        self._random = np.random.default_rng(seed)

    def _corners(self, points: tuple[Point, ...]) -> npt.NDArray[np.int32]:
        height, width = self.matte.shape
        return np.array([(round(x * width), round(y * height)) for x, y in points], np.int32)

    def fill(self, colour: Colour, *points: Point) -> None:
        corners = self._corners(points)
        cv2.fillPoly(self.image, [corners], colour, cv2.LINE_AA)
        cv2.fillPoly(self.matte, [corners], 255, cv2.LINE_AA)

    def box(self, colour: Colour, left: float, top: float, right: float, bottom: float) -> None:
        self.fill(colour, (left, top), (right, top), (right, bottom), (left, bottom))

    def shade(
        self, box: tuple[float, float, float, float], start: Colour, end: Colour, down: bool = True
    ) -> None:
        """Fill a box (left, top, right, bottom) with a run of colour, downwards or to the right."""
        height, width = self.matte.shape
        left, top = round(box[0] * width), round(box[1] * height)
        right, bottom = round(box[2] * width), round(box[3] * height)
        steps = np.linspace(0, 1, bottom - top if down else right - left, dtype=np.float32)
        first, last = np.asarray(start, np.float32), np.asarray(end, np.float32)
        run = first + (last - first) * steps[:, None]
        run = run[:, None] if down else run[None]
        self.image[top:bottom, left:right] = np.broadcast_to(run, (bottom - top, right - left, 3))
        self.matte[top:bottom, left:right] = 255

    def line(self, colour: Colour, start: Point, end: Point, thickness: int = 1) -> None:
        first, second = self._corners((start, end)).tolist()
        cv2.line(self.image, first, second, colour, thickness, cv2.LINE_AA)

    def text(self, text: str, at: Point, size: float, colour: Colour) -> None:
        (corner,) = self._corners((at,)).tolist()
        scale = size * self.matte.shape[0] / 720
        cv2.putText(self.image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 2, cv2.LINE_AA)

    def grain(self, coarse: float, strength: float) -> None:
        """Uneven plaster, stone or concrete: soft blotches over what was drawn so far."""
        height, width = self.matte.shape
        noise = cv2.GaussianBlur(self._random.normal(0, 1, (height, width)), (0, 0), coarse)
        noise = noise / noise.std() * strength
        self.image = np.clip(self.image + noise[:, :, None], 0, 255).astype(np.uint8)

    def soften(self, sigma: float) -> None:
        self.image = np.asarray(cv2.GaussianBlur(self.image, (0, 0), sigma), np.uint8)


def entrance(width: int, height: int) -> tuple[Canvas, Canvas]:
    """A lobby in daylight: glass doors to the street, stone pillars left and right, a reception desk below."""
    back = Canvas(width, height, 1)
    back.shade((0, 0, 1, 1), (206, 212, 214), (164, 172, 178))
    back.shade((0, 0, 1, 0.09), (226, 229, 230), (206, 210, 212))
    for x in (0.24, 0.5, 0.76):
        back.fill((248, 250, 250), (x - 0.05, 0.012), (x + 0.05, 0.012), (x + 0.042, 0.05), (x - 0.042, 0.05))
    back.grain(40, 2.0)
    back.box((96, 92, 88), 0.345, 0.15, 0.655, 1)
    for left, right in ((0.352, 0.498), (0.502, 0.648)):
        back.shade((left, 0.16, right, 0.5), (236, 226, 214), (216, 206, 194))
        back.shade((left, 0.5, right, 1), (176, 172, 166), (148, 146, 142))
        back.fill((198, 190, 178), (left, 0.5), (left, 0.36), (left + 0.07, 0.36), (left + 0.07, 0.5))
        back.fill(
            (246, 242, 236), (left + 0.02, 0.16), (left + 0.05, 0.16), (right - 0.02, 1), (right - 0.06, 1)
        )
    for x in (0.49, 0.51):
        back.line((70, 70, 70), (x, 0.45), (x, 0.62), 4)
    back.box((70, 62, 58), 0.70, 0.20, 0.84, 0.46)
    back.box((208, 214, 220), 0.706, 0.21, 0.834, 0.45)
    for row in range(7):
        back.line(
            (140, 138, 136), (0.72, 0.25 + row * 0.026), (0.80 + 0.02 * (row % 2), 0.25 + row * 0.026), 2
        )
    back.box((104, 128, 96), 0.205, 0.33, 0.29, 0.5)
    back.box((222, 226, 228), 0.212, 0.342, 0.283, 0.488)
    back.shade((0, 0.66, 1, 1), (150, 156, 160), (176, 180, 184))
    for x in np.linspace(-0.6, 1.6, 17):
        back.line((138, 142, 146), (0.5 + (float(x) - 0.5) * 0.5, 0.66), (float(x), 1), 1)
    back.soften(1.4)

    front = Canvas(width, height, 2)
    front.shade((0, 0, 0.145, 1), (120, 126, 132), (150, 156, 162), down=False)
    front.shade((0.865, 0, 1, 1), (156, 162, 168), (112, 118, 124), down=False)
    for y in (0.21, 0.5):
        front.line((104, 108, 112), (0, y), (0.145, y), 2)
        front.line((104, 108, 112), (0.865, y), (1, y), 2)
    front.shade((0, 0.775, 1, 0.81), (120, 146, 168), (92, 116, 138))
    front.shade((0, 0.81, 1, 1), (58, 78, 98), (40, 56, 72))
    for x in np.linspace(0.08, 0.92, 7):
        front.line((44, 60, 76), (float(x), 0.82), (float(x), 1), 2)
    front.fill((38, 38, 40), (0.20, 0.62), (0.335, 0.63), (0.335, 0.775), (0.20, 0.775))
    front.box((52, 52, 54), 0.255, 0.76, 0.28, 0.785)
    front.text("RECEPTION", (0.435, 0.915), 1.2, (150, 170, 186))
    front.grain(1.2, 3.0)
    return back, front


def corridor(width: int, height: int) -> tuple[Canvas, Canvas]:
    """A dim corridor that runs away from the camera, doors on both sides, a turnstile wall below."""
    back = Canvas(width, height, 3)
    back.shade((0, 0, 1, 1), (92, 96, 98), (92, 96, 98))
    far = ((0.41, 0.27), (0.59, 0.27), (0.59, 0.56), (0.41, 0.56))
    back.fill((122, 126, 126), (0, 0), (1, 0), far[1], far[0])
    back.fill((84, 88, 90), (0, 1), (1, 1), far[2], far[3])
    back.fill((108, 113, 114), (0, 0), far[0], far[3], (0, 1))
    back.fill((98, 102, 104), (1, 0), far[1], far[2], (1, 1))
    back.fill((128, 132, 132), *far)
    back.box((72, 84, 96), 0.46, 0.34, 0.54, 0.56)
    back.grain(14, 2.0)

    def wall(part: float, row: float, left: bool) -> Point:
        """A point on a side wall: how far along (0 near, 1 far), how far down (0 ceiling, 1 floor)."""
        x = 0.41 * part if left else 1 - 0.41 * part
        top, bottom = 0.27 * part, 1 - 0.44 * part
        return x, top + (bottom - top) * row

    for left in (True, False):
        for near, end in ((0.42, 0.58), (0.72, 0.80), (0.88, 0.93)):
            corners = (wall(near, 0.24, left), wall(end, 0.24, left), wall(end, 1, left), wall(near, 1, left))
            back.fill((64, 76, 88), *corners)
        for part in (0.2, 0.4, 0.6, 0.8, 1.0):
            back.line((86, 90, 92), wall(part, 0.62, left), wall(max(0.0, part - 0.2), 0.62, left), 2)
    for part in (0.1, 0.45, 0.7, 0.86):
        y, half = 0.27 * part, 0.10 * (1 - part) + 0.012
        back.fill(
            (226, 232, 232),
            (0.5 - half, y),
            (0.5 + half, y),
            (0.5 + half * 0.8, y + half * 0.22 + 0.004),
            (0.5 - half * 0.8, y + half * 0.22 + 0.004),
        )
    back.soften(1.0)

    front = Canvas(width, height, 4)
    front.shade((0, 0, 0.12, 1), (58, 62, 64), (78, 82, 84), down=False)
    front.shade((0.88, 0, 1, 1), (80, 84, 86), (54, 58, 60), down=False)
    front.shade((0, 0.80, 1, 0.83), (120, 124, 124), (92, 96, 96))
    front.shade((0, 0.83, 1, 1), (66, 70, 72), (44, 48, 50))
    front.box((40, 60, 150), 0.20, 0.87, 0.245, 0.93)
    front.box((70, 140, 70), 0.755, 0.87, 0.80, 0.93)
    front.grain(1.5, 3.0)
    return back, front


def car_park(width: int, height: int) -> tuple[Canvas, Canvas]:
    """A car park under a building: beams, columns and parked cars behind, two striped columns and roofs before."""
    back = Canvas(width, height, 5)
    back.shade((0, 0, 1, 0.34), (62, 68, 70), (96, 102, 104))
    back.shade((0, 0.34, 1, 0.56), (118, 124, 126), (100, 106, 108))
    back.shade((0, 0.56, 1, 1), (92, 98, 100), (120, 126, 128))
    for y, depth in ((0.02, 0.05), (0.13, 0.035), (0.21, 0.025), (0.27, 0.018)):
        back.box((74, 80, 82), 0, y, 1, y + depth)
    for x, y, half in ((0.3, 0.1, 0.09), (0.66, 0.1, 0.09), (0.4, 0.185, 0.05), (0.62, 0.185, 0.05)):
        back.box((226, 240, 240), x - half, y, x + half, y + 0.012)
    back.grain(18, 3.5)
    for x in (0.24, 0.39, 0.61, 0.77):
        back.shade((x, 0.2, x + 0.03, 0.62), (132, 138, 140), (96, 102, 104), down=False)
        back.box((40, 150, 190), x, 0.47, x + 0.03, 0.53)
    paints = ((60, 56, 140), (128, 104, 70), (150, 154, 156), (66, 70, 72), (92, 110, 84))
    for number, colour in enumerate(paints):
        left, low = 0.18 + 0.135 * number, 0.64
        dark: Colour = (36, 38, 40)
        back.fill(
            colour,
            (left, low),
            (left, 0.58),
            (left + 0.02, 0.565),
            (left + 0.045, 0.515),
            (left + 0.095, 0.515),
            (left + 0.12, 0.57),
            (left + 0.125, low),
        )
        back.fill(
            dark, (left + 0.03, 0.565), (left + 0.05, 0.525), (left + 0.09, 0.525), (left + 0.11, 0.565)
        )
        for wheel in (0.028, 0.1):
            back.box((24, 24, 24), left + wheel - 0.011, 0.625, left + wheel + 0.011, 0.66)
    back.soften(1.5)

    front = Canvas(width, height, 6)
    for left, right in ((0.0, 0.155), (0.85, 1.0)):
        front.shade((left, 0, right, 1), (112, 118, 120), (84, 90, 92), down=False)
        for row in range(5):
            y, step = 0.46 + 0.07 * row, right - left
            front.fill(
                (44, 168, 206),
                (left, y + 0.05),
                (left, y + 0.015),
                (left + step, y - 0.035),
                (left + step, y),
            )
    front.text("B2", (0.05, 0.33), 2.4, (60, 64, 66))
    front.shade((0.0, 0.795, 1.0, 0.815), (140, 146, 148), (108, 112, 114))
    front.shade((0.0, 0.815, 1.0, 1.0), (84, 88, 90), (58, 62, 64))
    for left, colour in ((0.20, (66, 48, 44)), (0.55, (86, 88, 124))):
        light: Colour = (int(colour[0] * 1.5), int(colour[1] * 1.5), int(colour[2] * 1.5))
        front.fill(
            colour,
            (left - 0.06, 1),
            (left - 0.02, 0.93),
            (left + 0.03, 0.85),
            (left + 0.21, 0.85),
            (left + 0.26, 0.93),
            (left + 0.32, 1),
        )
        front.fill(
            (52, 50, 46), (left, 0.96), (left + 0.045, 0.875), (left + 0.195, 0.875), (left + 0.24, 0.96)
        )
        front.line(light, (left + 0.03, 0.853), (left + 0.21, 0.853), 3)
    front.grain(1.3, 3.5)
    return back, front
