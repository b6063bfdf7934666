"""Every setting of every stage: default, unit, bounds and help in one place.

A stage is a frozen dataclass whose fields are made by :func:`setting`. Interchangeable parts (detectors,
embedders, indexes) declare theirs the same way in their own file. The command line builds its flags
from here.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, get_type_hints

from retrofr.errors import SettingsError


def setting(
    default: Any,
    *,
    help: str,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with what a person needs to know to change it.

    Args:
        default: the value when nothing is given.
        help: one line, a full sentence.
        unit: printed behind the value (``px``, ``s``, ``samples/s``).
        bounds: lowest and highest accepted number, both included.
        choices: the accepted words.
    """
    return field(
        default=default,
        metadata={"help": help, "unit": unit, "bounds": bounds, "choices": choices},
    )


@dataclass(frozen=True)
class StageSettings:
    """Base of every stage's settings; refuses values of the wrong kind or out of bounds."""

    stage: ClassVar[str] = ""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for spec in dataclasses.fields(self):
            _check(f"{self.stage}.{spec.name}", getattr(self, spec.name), hints[spec.name], spec)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from names and values, for example one table of a TOML file.

        Raises:
            SettingsError: a name is unknown (the known ones are listed) or a value is refused.
        """
        known = {spec.name for spec in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise SettingsError(
                    "no such setting",
                    subject=f"{cls.stage}.{name}",
                    hint=f"{cls.stage} has: {', '.join(sorted(known)) or 'no settings'}",
                )
        hints = get_type_hints(cls)
        return cls(**{name: _coerce(value, hints[name]) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _coerce(value: Any, kind: Any) -> Any:
    """Read a number or a truth value from text, as ``--set`` gives it; anything else is left to the check."""
    if isinstance(value, str) and kind is not str:
        words = {"true": True, "yes": True, "false": False, "no": False}
        if bool in _kinds(kind) and value.lower() in words:
            return words[value.lower()]
        try:
            return int(value) if int in _kinds(kind) and float not in _kinds(kind) else float(value)
        except ValueError:
            return value
    if isinstance(value, int) and not isinstance(value, bool) and float in _kinds(kind):
        return float(value)
    return value


def _kinds(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__args__", (kind,))


def _check(name: str, value: Any, kind: Any, spec: dataclasses.Field[Any]) -> None:
    kinds = _kinds(kind)
    right_kind = type(value) in kinds or (float in kinds and type(value) is int)
    if not right_kind:
        wanted = " or ".join(getattr(k, "__name__", str(k)) for k in kinds)
        raise SettingsError(f"expected {wanted}, got {value!r}", subject=name)
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"expected a finite number, got {value!r}", subject=name)
    bounds, unit = spec.metadata.get("bounds"), spec.metadata.get("unit", "")
    if bounds is not None and value is not None and not bounds[0] <= value <= bounds[1]:
        raise SettingsError(
            f"{value} is out of bounds; it goes from {bounds[0]:g} to {bounds[1]:g} {unit}".rstrip(),
            subject=name,
        )
    choices = spec.metadata.get("choices")
    if choices and value is not None and value not in choices:
        raise SettingsError(f"{value!r} is not one of {', '.join(choices)}", subject=name)


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
    shot_difference: float = setting(
        12.0,
        unit="grey levels",
        bounds=(1.0, 255.0),
        help="Mean change between two frames that is a shot cut; the first frame after it is looked at.",
    )


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
        1.6, unit="s", bounds=(0.0, 30.0), help="How long a face may be missed inside a tracklet."
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
        5, unit="faces", bounds=(1, 64), help="How many of a tracklet's best faces are embedded."
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
    index: str = setting("annoy", help="Which index proposes the probes a face is compared with.")
    threshold: float | None = setting(
        None, help="Lowest score of a hit; without it the embedder's documented default is used."
    )
    top: int = setting(
        0, unit="candidates", bounds=(0, 10_000), help="How many candidates below it to list per probe."
    )
    proposals: int = setting(
        50,
        unit="probe pictures",
        bounds=(1, 100_000),
        help="How many of the nearest probe pictures the index proposes for each face.",
    )
    join_gap_seconds: float = setting(
        4.0, unit="s", bounds=(0.0, 3600.0), help="Hits closer together than this are one appearance."
    )


@dataclass(frozen=True)
class Settings:
    """The settings of a whole run, stage by stage, and those of the chosen parts."""

    sampling: SamplingSettings = SamplingSettings()
    detect: DetectSettings = DetectSettings()
    track: TrackSettings = TrackSettings()
    quality: QualitySettings = QualitySettings()
    embed: EmbedSettings = EmbedSettings()
    search: SearchSettings = SearchSettings()
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
