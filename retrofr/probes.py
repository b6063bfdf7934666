"""Probes: from what the user names to the one face that is looked for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from retrofr.comparison import Comparison
from retrofr.detectors.base import Detector
from retrofr.errors import ProbeError
from retrofr.events import Listener, Warned
from retrofr.integrity import sha256_file
from retrofr.quality import measure_quality
from retrofr.records import Detections, Pixels, Probe, ProbeImage
from retrofr.settings import QualitySettings
from retrofr.video.footage import natural_key

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
MAX_MEGAPIXELS = 150
LONGEST_SIDE_PIXELS = 3000
"""Larger pictures are shrunk to this: faces stay larger than the embedders' chips, memory is bounded."""


@dataclass(frozen=True)
class ProbeSpec:
    """One picture, or one folder of pictures, of a person: as the user named it.

    ``face`` picks a face of a picture with several, counted from 1, left to right.
    """

    name: str
    path: Path
    face: int | None = None


def parse_probe(text: str | Path | ProbeSpec) -> ProbeSpec:
    """Read ``[NAME=]PATH[#FACE]``. A path that exists as it is written is taken as it is written."""
    if isinstance(text, ProbeSpec):
        return text
    path = Path(text)
    if isinstance(text, Path) or path.exists():
        return ProbeSpec(path.stem if path.is_file() else path.resolve().name, path)
    name, equals, rest = text.partition("=")
    if equals and name:
        spec = parse_probe(rest)
        return ProbeSpec(name, spec.path, spec.face)
    numbered = re.fullmatch(r"(.+)#(\d+)", text)
    if numbered:
        path = Path(numbered[1])
        return ProbeSpec(path.stem, path, int(numbered[2]))
    return ProbeSpec(path.stem, path)


def probe_pictures(specs: Sequence[ProbeSpec]) -> dict[str, list[ProbeSpec]]:
    """The pictures of every probe, by probe name, folders opened; pictures under one name are one person.

    Raises:
        ProbeError: nothing was named, a path does not exist, a folder holds no picture.
    """
    if not specs:
        raise ProbeError("no probe was given", hint="name a picture of the person with --probe suspect.jpg")
    pictures: dict[str, list[ProbeSpec]] = {}
    for spec in specs:
        if not spec.path.exists():
            raise ProbeError("no such file", subject=str(spec.path), hint="check the path after --probe")
        files = [spec.path]
        if spec.path.is_dir():
            files = sorted(
                (f for f in spec.path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES),
                key=lambda f: natural_key(f.name),
            )
            if not files:
                raise ProbeError(
                    "no picture in this folder",
                    subject=str(spec.path),
                    hint="a folder is one person; put pictures of that person in it "
                    f"({', '.join(sorted(s[1:] for s in IMAGE_SUFFIXES))})",
                )
        pictures.setdefault(spec.name, []).extend(ProbeSpec(spec.name, f, spec.face) for f in files)
    return pictures


def read_picture(path: Path) -> Pixels:
    """Decode a still picture: (H, W, 3) uint8 RGB, upright, no side longer than LONGEST_SIDE_PIXELS.

    Raises:
        ProbeError: it cannot be read, is not a picture, is damaged, or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return _decode(picture, path)
    except UnidentifiedImageError as error:
        raise ProbeError(
            "is not a picture that can be read",
            subject=str(path),
            hint="probes are JPEG, PNG, WebP, BMP or TIFF",
        ) from error
    except (PermissionError, IsADirectoryError) as error:
        raise ProbeError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ProbeError(
            f"is a damaged picture ({error})", subject=str(path), hint="open it in a viewer and save it again"
        ) from error


def _decode(picture: Image.Image, path: Path) -> Pixels:
    width, height = picture.size
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise _too_large(path)
    # JPEG can be decoded at a fraction of its size, which bounds memory; other formats ignore this.
    picture.draft("RGB", (LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS))
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS), Image.Resampling.BOX)
    return np.array(upright.convert("RGB"), np.uint8)


def _too_large(path: Path) -> ProbeError:
    return ProbeError(
        f"is too large a picture (the limit is {MAX_MEGAPIXELS} megapixels)",
        subject=str(path),
        hint="cut out the person, or save it smaller",
    )


def load_probes(
    pictures: Mapping[str, Sequence[ProbeSpec]],
    detector: Detector,
    comparison: Comparison,
    quality: QualitySettings,
    listener: Listener,
) -> tuple[Probe, ...]:
    """Find the one face of every picture, as :func:`probe_pictures` gives them, and embed it.

    Raises:
        ProbeError: a picture cannot be read, or shows no face, or several of which none was chosen.
    """
    probes = []
    for name, specs in pictures.items():
        images = tuple(_load(spec, detector, comparison, quality, listener) for spec in specs)
        probes.append(Probe(name, images))
    return tuple(probes)


def _load(
    spec: ProbeSpec,
    detector: Detector,
    comparison: Comparison,
    settings: QualitySettings,
    listener: Listener,
) -> ProbeImage:
    digest = sha256_file(spec.path)
    image = read_picture(spec.path)
    found = detector.detect([image])[0]
    chosen = _choose(spec, found)
    box, landmarks = found.boxes[chosen], found.landmarks[chosen]
    quality = measure_quality(image, box, landmarks, float(found.scores[chosen]), settings)
    for reason in (*quality.problems, *quality.warnings):
        listener(Warned(str(spec.path), f"a poor probe: {reason}"))
    template = comparison.templates(comparison.cut(image, landmarks[None]))[0]
    return ProbeImage(spec.path, digest, box, quality, template)


def _choose(spec: ProbeSpec, found: Detections) -> int:
    """Which detection is the probe's face."""
    order = np.argsort(found.boxes[:, 0], kind="stable")
    subject = str(spec.path)
    if not len(found):
        raise ProbeError(
            "no face was found in this picture",
            subject=subject,
            hint="use a picture that shows the face larger, sharper and less turned",
        )
    listed = "\n".join(f"#{n}: {_describe(found, int(i))}" for n, i in enumerate(order, 1))
    if spec.face is not None:
        if not 1 <= spec.face <= len(found):
            raise ProbeError(f"there is no face #{spec.face} in this picture", subject=subject, hint=listed)
        return int(order[spec.face - 1])
    if len(found) > 1:
        raise ProbeError(
            f"{len(found)} faces were found, and a probe is one",
            subject=subject,
            hint=f"{listed}\nchoose one, left to right, for example --probe '{spec.path}#1'",
        )
    return 0


def _describe(found: Detections, number: int) -> str:
    x1, y1, x2, y2 = (round(float(v)) for v in found.boxes[number])
    eyes = float(np.hypot(*(found.landmarks[number, 1] - found.landmarks[number, 0])))
    return f"x {x1} to {x2}, y {y1} to {y2}, {eyes:.0f} px between the eyes"


def describe_probes(probes: Sequence[Probe]) -> list[dict[str, Any]]:
    """What run.json says of the probes; no template."""
    return [
        {
            "name": probe.name,
            "images": [
                {
                    "path": str(image.path),
                    "sha256": image.sha256,
                    "box": [round(float(v), 2) for v in image.box],
                    "eye_distance_pixels": round(image.quality.eye_distance_pixels, 2),
                    "warnings": [*image.quality.problems, *image.quality.warnings],
                }
                for image in probe.images
            ],
        }
        for probe in probes
    ]
