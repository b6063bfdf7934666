"""Recordings whose times are unusual: variable rates, gaps, jumps, resets, and what their names say."""

from __future__ import annotations

from fractions import Fraction

from recordings.studio import FRAMES, RATE, Clip, Studio

_TS_TICKS = Fraction(1, 90_000)
_TS_STEP = 90_000 // RATE
_OWN_TIMES = {"mpegts_copyts": "1"}
_UNEVEN = (40, 40, 40, 80, 200, 40, 1000, 33)
_PAUSE_AFTER, PAUSE_MILLISECONDS = 125, 600_000


def uneven_times(frames: int = FRAMES) -> list[int]:
    """Milliseconds at which the frames of the uneven recordings are shown: motion-triggered, with a long pause."""
    times, now = [], 0
    for n in range(frames):
        times.append(now)
        now += PAUSE_MILLISECONDS if n == _PAUSE_AFTER else _UNEVEN[n % len(_UNEVEN)]
    return times


def make(studio: Studio) -> None:
    """Write them."""
    for name in ("vfr.mp4", "vfr.mkv"):
        studio.encode(name, Clip(ticks=Fraction(1, 1000), times=uneven_times()))
    halves = {
        "a.ts": _ts(0, 0),
        "later.ts": _ts(125, (3600 * RATE + 125) * _TS_STEP),
        "again.ts": _ts(125, 0),
    }
    for name, clip in halves.items():
        studio.encode(name, clip)
    first = studio.take("a.ts")
    studio.write("ts_jump_fwd1h.ts", first + studio.take("later.ts"))
    studio.write("ts_reset.ts", first + studio.take("again.ts"))
    wrap = Clip(
        container="mpegts",
        container_options=_OWN_TIMES,
        ticks=_TS_TICKS,
        times=[2**33 - 5 * 90_000 + n * _TS_STEP for n in range(FRAMES)],
    )
    studio.encode("ts_wrap.ts", wrap)
    created = {"creation_time": "2024-03-31T00:59:58.000000Z"}
    studio.encode("creation.mp4", Clip(frames=50, metadata=created))
    studio.encode("cam2_20240330171105.mp4", Clip(frames=50))
    studio.encode("cam3_20240330_171105.mp4", Clip(frames=50, metadata=created))


def _ts(first_number: int, first_tick: int) -> Clip:
    times = [first_tick + n * _TS_STEP for n in range(125)]
    return Clip(
        container="mpegts",
        container_options=_OWN_TIMES,
        frames=125,
        first_number=first_number,
        ticks=_TS_TICKS,
        times=times,
    )
