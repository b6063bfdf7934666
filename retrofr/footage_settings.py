"""Settings of the stages that read footage: decoding, clocks, sampling. :mod:`retrofr.settings` has the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from retrofr.stage import StageSettings, setting


@dataclass(frozen=True)
class VideoSettings(StageSettings):
    """How recordings are decoded."""

    stage: ClassVar[str] = "video"
    deinterlace: str = setting(
        "flagged",
        choices=("flagged", "off"),
        help="Deinterlace the frames that are flagged as interlaced, or none.",
    )
    slice_seconds: float = setting(
        60.0,
        unit="s",
        bounds=(1.0, 3600.0),
        help="Least length of a slice: what at most is lost when the decoder crashes or hangs.",
    )
    decode: str = setting(
        "needed",
        choices=("needed", "all"),
        help="Decode only the frames that samples need, as long as no damage is reported, or all.",
    )
    threads: int = setting(
        0,
        bounds=(0, 64),
        help="How many parts of one recording are decoded at once; 0: as the cores allow.",
    )
    hardware: str = setting(
        "off",
        choices=("off", "auto", "require"),
        help="Decode on the GPU (NVDEC), which hides damage: off, auto where that can be, or require.",
    )
    hardware_gpu: int = setting(0, bounds=(0, 63), help="Number of the GPU that decodes.")
    stall_seconds: float = setting(
        60.0,
        unit="s",
        bounds=(1.0, 3600.0),
        help="A decoder that says nothing for this long is taken to hang and is ended.",
    )


@dataclass(frozen=True)
class ClockSettings(StageSettings):
    """How wall-clock times are read."""

    stage: ClassVar[str] = "clock"
    timezone: str | None = setting(
        None, help="Zone of the recorder's clock, for example Europe/London or +01:00."
    )
    file_name_patterns: tuple[str, ...] = setting(
        (), help="Patterns of file names that hold a time, tried before the built-in ones."
    )


@dataclass(frozen=True)
class SamplingSettings(StageSettings):
    """Which frames of the footage are looked at."""

    stage: ClassVar[str] = "sampling"
    rate: float = setting(
        2.0,
        unit="samples/s",
        bounds=(0.01, 120.0),
        help="How many frames of each second of footage are looked at.",
    )
    only_keyframes: bool = setting(
        False, help="Look at keyframes alone, at most so many a second: a quick first pass."
    )
    gate: bool = setting(
        True,
        help="Do not look again at pictures in which nothing has changed; keyframes are always looked at.",
    )
    shot_difference: float = setting(
        12.0,
        unit="grey levels",
        bounds=(1.0, 255.0),
        help="Mean change between two frames that is a shot cut; the first frame after it is looked at.",
    )
