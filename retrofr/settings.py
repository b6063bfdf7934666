"""Every setting of every stage: default, unit, bounds and help in one place.

A stage is a frozen dataclass whose fields are made by :func:`setting`. Interchangeable parts (detectors,
embedders, indexes) declare theirs the same way in their own file. The command line builds its flags
from here.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from retrofr.errors import SettingsError
from retrofr.footage_settings import ClockSettings, SamplingSettings, VideoSettings
from retrofr.stage import StageSettings, setting

__all__ = [
    "ClockSettings",
    "DetectSettings",
    "EmbedSettings",
    "IndexSettings",
    "PeopleSettings",
    "QualitySettings",
    "SamplingSettings",
    "SearchSettings",
    "Settings",
    "StageSettings",
    "TrackSettings",
    "VideoSettings",
    "read_settings",
    "setting",
]


FUSIONS = ("best", "mean_score", "mean_template")
"""How several pictures of a probe are fused; :mod:`retrofr.gallery.fusion` says what they mean."""


@dataclass(frozen=True)
class DetectSettings(StageSettings):
    """How faces are looked for in a frame; each detector adds its own settings in its file."""

    stage: ClassVar[str] = "detect"
    detector: str = setting("yunet", help="Which face detector to use.")
    batch_frames: int = setting(
        8, unit="frames", bounds=(1, 256), help="How many frames go through the detector together."
    )


@dataclass(frozen=True)
class TrackSettings(StageSettings):
    """How faces in consecutive samples are joined into tracklets."""

    stage: ClassVar[str] = "track"
    max_gap_seconds: float = setting(
        1.6,
        unit="s",
        bounds=(0.0, 30.0),
        help="How long a face may be missed inside a tracklet; twice as long where it comes back looking the same.",
    )
    min_overlap: float = setting(
        0.2, bounds=(0.0, 1.0), help="Least overlap (IoU) of a face's boxes in neighbouring samples."
    )
    min_likeness: float = setting(
        0.35,
        bounds=(-1.0, 1.0),
        help="Least correlation of a face's small grey picture in neighbouring samples.",
    )
    max_length_seconds: float = setting(
        60.0,
        unit="s",
        bounds=(1.0, 3600.0),
        help="A tracklet is closed at this length, so that memory does not grow with footage.",
    )


@dataclass(frozen=True)
class QualitySettings(StageSettings):
    """Which faces are good enough to compare, and how many of a tracklet are kept."""

    stage: ClassVar[str] = "quality"
    min_eye_distance_pixels: float = setting(
        10.0, unit="px", bounds=(0.0, 500.0), help="Least distance between the eyes to be compared."
    )
    min_sharpness: float = setting(
        0.0, bounds=(0.0, 1.0), help="Least sharpness to be compared (0 is a smear, 1 is crisp)."
    )
    min_contrast: float = setting(
        0.02, bounds=(0.0, 0.5), help="Least spread of the face's grey levels to be compared (0 to 0.5)."
    )
    max_yaw: float = setting(
        0.75, bounds=(0.0, 1.0), help="Furthest turn of the head to be compared (0 frontal, 1 profile)."
    )
    best_faces: int = setting(
        3, unit="faces", bounds=(1, 64), help="How many of a tracklet's best faces are embedded."
    )


@dataclass(frozen=True)
class EmbedSettings(StageSettings):
    """How a face becomes numbers that can be compared."""

    stage: ClassVar[str] = "embed"
    embedder: str = setting(
        "sface+dlib-resnet", help="Which embedder to use; several joined by + are fused by score."
    )
    batch_faces: int = setting(
        16, unit="faces", bounds=(1, 1024), help="How many faces go through the embedder together."
    )


@dataclass(frozen=True)
class SearchSettings(StageSettings):
    """How probes are compared with the faces of the footage."""

    stage: ClassVar[str] = "search"
    index: str = setting(
        "auto",
        help="How the faces to compare are found: exact, annoy, or auto: whichever was measured to be faster.",
    )
    threshold: float | None = setting(
        None,
        help="Lowest score of a hit, in place of an error rate: an override, which every output shows.",
    )
    fmr: float | None = setting(
        None,
        bounds=(1e-9, 0.5),
        help="Highest share of different people who may reach the threshold; the threshold follows from it.",
    )
    operating_points: str | None = setting(
        None, help="A file of operating points, as `retrofr calibrate` makes it, in place of the default one."
    )
    top: int = setting(
        0, unit="candidates", bounds=(0, 10_000), help="How many candidates below it to list per probe."
    )
    fusion: str = setting(
        "best",
        choices=FUSIONS,
        help="How several pictures of one probe count: best of them, mean of their scores, or mean template.",
    )
    join_gap_seconds: float = setting(
        4.0, unit="s", bounds=(0.0, 3600.0), help="Hits closer together than this are one appearance."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fmr is not None and self.threshold is not None:
            raise SettingsError(
                "the threshold is set twice, by an error rate and by a score",
                subject="search.fmr and search.threshold",
                hint="give --fmr or --threshold, not both",
            )


@dataclass(frozen=True)
class PeopleSettings(StageSettings):
    """How the tracklets of a case are clustered into persons."""

    stage: ClassVar[str] = "people"
    threshold: float | None = setting(
        None,
        help="Lowest mean score at which two clusters are one person; without it the measured default is used.",
    )
    neighbours: int = setting(
        20,
        unit="tracklets",
        bounds=(1, 1000),
        help="How many nearest neighbours of a cluster are looked at in a round.",
    )


@dataclass(frozen=True)
class IndexSettings(StageSettings):
    """How the work of indexing is shared out."""

    stage: ClassVar[str] = "index"
    engine: str = setting("local", help="Where streams of footage are worked on.")
    workers: int = setting(
        0,
        unit="processes",
        bounds=(0, 256),
        help="How many streams are worked on at once; 0 chooses by the cores of the machine.",
    )


@dataclass(frozen=True)
class Settings:
    """The settings of a whole run, stage by stage, and those of the chosen parts."""

    video: VideoSettings = VideoSettings()
    clock: ClockSettings = ClockSettings()
    sampling: SamplingSettings = SamplingSettings()
    detect: DetectSettings = DetectSettings()
    track: TrackSettings = TrackSettings()
    quality: QualitySettings = QualitySettings()
    embed: EmbedSettings = EmbedSettings()
    search: SearchSettings = SearchSettings()
    index: IndexSettings = IndexSettings()
    people: PeopleSettings = PeopleSettings()
    device: str = "auto"
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from nested names and values, as a settings file holds them.

        A table named after a stage sets that stage, ``device`` is a word, ``[parts.NAME]`` sets the part NAME.

        Raises:
            SettingsError: a stage or setting is unknown, or a value is refused; the dotted path is named.
        """
        stages = {
            spec.name: type(spec.default)
            for spec in dataclasses.fields(cls)
            if isinstance(spec.default, StageSettings)
        }
        arguments: dict[str, Any] = {}
        for name, value in values.items():
            if name in stages and isinstance(value, Mapping):
                arguments[name] = stages[name].from_mapping(value)
            elif name == "device" and isinstance(value, str):
                arguments[name] = value
            elif name == "parts" and isinstance(value, Mapping):
                arguments[name] = _part_tables(value)
            else:
                known = ", ".join([*stages, "device", "parts"])
                raise SettingsError("no such stage of settings", subject=name, hint=f"there are: {known}")
        return cls(**arguments)

    def as_dict(self) -> dict[str, Any]:
        """Nested names and values that :meth:`from_mapping` reads back."""
        return dataclasses.asdict(self)


def _part_tables(parts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    for part, table in parts.items():
        if not isinstance(table, Mapping):
            raise SettingsError(f"expected a table of settings, got {table!r}", subject=f"parts.{part}")
    return {part: dict(table) for part, table in parts.items()}


def read_settings(path: Path) -> dict[str, Any]:
    """Read a TOML settings file into nested names and values.

    Raises:
        SettingsError: the file cannot be read or is not TOML; the line is named.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"is not a TOML file: {error}", subject=str(path)) from error
