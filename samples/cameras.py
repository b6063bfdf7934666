"""The three sample cameras: what they record how, and who comes by when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

import numpy as np
from people import Visit
from scenes import Canvas, car_park, corridor, entrance


@dataclass(frozen=True)
class Camera:
    """One recording.

    Args:
        ticks: time of every frame in units of ``time_base``, and after them the time at which the last one ends.
        edges: columns of the left and the right edge from behind which people come, as fractions of the width.
        eye_height: row of the eyes, as a fraction of the height.
        light: brightness of people by second, 1 for the portrait's own.
        tint: what people's blue, green and red are multiplied with, for the colour of the room's light.
        colour: 1 keeps all colour, 0 gives a grey picture.
        noise: standard deviation of the sensor's noise, of 255.
    """

    file: str
    label: str
    started: datetime
    size: tuple[int, int]
    time_base: Fraction
    ticks: tuple[int, ...]
    container: str
    codec: str
    options: dict[str, str]
    room: Callable[[int, int], tuple[Canvas, Canvas]]
    edges: tuple[float, float]
    eye_height: float
    visits: tuple[Visit, ...]
    light: Callable[[float], float]
    tint: tuple[float, float, float] = (1, 1, 1)
    colour: float = 1
    noise: float = 3
    bit_rate: int | None = None
    frame_rate: Fraction | None = field(default=None)


def _drifting(seconds: float) -> float:
    """Daylight: a cloud passes."""
    return 0.96 + 0.07 * float(np.sin(seconds / 4.1))


def _dim(seconds: float) -> float:
    return 0.72 + 0.03 * float(np.sin(seconds / 2.3))


def _flickering(seconds: float) -> float:
    """A strip light that is about to fail."""
    return 0.80 + 0.03 * float(np.sin(seconds * 1.9)) - (0.07 if int(seconds * 6) % 23 == 0 else 0)


def motion_ticks(length: float, visits: tuple[Visit, ...]) -> tuple[int, ...]:
    """Milliseconds of a recorder that saves frames when little moves.

    About 17 a second around a visit, with a few lost (up to 0.3 s) while somebody is in view, else 3 to 5.
    """
    random = np.random.default_rng(20240330)
    ticks, now = [0], 0
    while now < length * 1000:
        seconds = now / 1000
        near = any(v.start - 0.5 <= seconds <= v.end + 0.5 for v in visits)
        inside = any(v.start + 0.6 <= seconds <= v.end - 0.6 for v in visits)
        step = int(random.integers(48, 71)) if near else int(random.integers(210, 381))
        if inside and random.random() < 0.06:
            step = int(random.integers(180, 301))
        now += step
        ticks.append(now)
    return tuple(ticks)


_CAR_PARK_VISITS = (
    Visit("behind-grey", 4.2, 8.4, True, False, (0.35, 0.62), (25, 25)),
    Visit("obama-2010", 12.2, 17.4, False, False, (0.80, 0.66), (31, 36)),
    Visit("biden-2010", 13.9, 18.6, True, True, (0.26, 0.30), (30, 34)),
    Visit("obama-2012", 25.3, 28.2, True, False, (0.38, 0.60), (29, 31)),
    Visit("collins-1992", 30.4, 33.6, False, True, (0.62, 0.40), (28, 29)),
)

CAMERAS = (
    Camera(
        file="entrance_20240330_171105.mp4",
        label="01 ENTRANCE",
        started=datetime(2024, 3, 30, 17, 11, 5),
        size=(1280, 720),
        time_base=Fraction(1, 25),
        ticks=tuple(range(36 * 25 + 1)),
        frame_rate=Fraction(25),
        container="mp4",
        codec="libx264",
        options={"preset": "superfast", "crf": "28", "g": "100", "x264-params": "threads=1:sliced-threads=0"},
        room=entrance,
        edges=(0.145, 0.865),
        eye_height=0.40,
        light=_drifting,
        noise=2.5,
        visits=(
            Visit("obama-2012", 3.12, 7.36, True, False, (0.36, 0.60), (38, 46)),
            Visit("hopper-1984", 11.2, 16.8, True, True, (0.26, 0.32), (40, 44)),
            Visit("obama-2010", 13.0, 15.88, False, False, (0.74, 0.68), (42, 44)),
            Visit("behind-brown", 17.8, 20.2, True, False, (0.4, 0.6), (34, 34)),
            Visit("biden-2010", 21.2, 25.04, False, True, (0.64, 0.42), (40, 48)),
            Visit("collins-1992", 27.4, 31.72, True, False, (0.40, 0.66), (36, 42)),
        ),
    ),
    Camera(
        file="corridor_20240330_171118.avi",
        label="02 CORRIDOR",
        started=datetime(2024, 3, 30, 17, 11, 18),
        size=(640, 480),
        time_base=Fraction(2, 25),
        ticks=tuple(range(32 * 25 // 2 + 1)),
        frame_rate=Fraction(25, 2),
        container="avi",
        codec="mpeg4",
        options={"g": "50", "maxrate": "480000", "bufsize": "400000"},
        bit_rate=340_000,
        room=corridor,
        edges=(0.12, 0.88),
        eye_height=0.40,
        light=_dim,
        tint=(0.94, 1.0, 0.97),
        colour=0.35,
        noise=8,
        visits=(
            Visit("obama-2010", 5.2, 9.6, True, False, (0.34, 0.62), (26, 33)),
            Visit("obama-2012", 15.28, 18.24, False, True, (0.62, 0.40), (29, 30)),
            Visit("biden-2010", 20.4, 24.0, True, False, (0.36, 0.64), (28, 32)),
            Visit("hopper-1984", 26.08, 29.92, False, False, (0.60, 0.52), (27, 31)),
        ),
    ),
    Camera(
        file="carpark_20240330_171130.webm",
        label="03 CAR PARK B2",
        started=datetime(2024, 3, 30, 17, 11, 30),
        size=(960, 540),
        time_base=Fraction(1, 1000),
        ticks=motion_ticks(36, _CAR_PARK_VISITS),
        container="webm",
        codec="libvpx-vp9",
        options={
            "deadline": "realtime",
            "cpu-used": "8",
            "row-mt": "0",
            "tile-columns": "0",
            "crf": "40",
            "g": "120",
        },
        bit_rate=420_000,
        room=car_park,
        edges=(0.155, 0.85),
        eye_height=0.42,
        light=_flickering,
        tint=(0.92, 1.0, 0.98),
        colour=0.85,
        noise=4,
        visits=_CAR_PARK_VISITS,
    ),
)
