"""Pictures of probes as files: which ones the user named, their digests, their pixels. No net is needed for that."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from retrofr.errors import ExhibitError, ProbeError
from retrofr.integrity import sha256_file
from retrofr.oversight.probe_records import RECORD_SUFFIX
from retrofr.records import Floats, Pixels
from retrofr.refusals import refuse_case
from retrofr.video.footage import natural_key

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
MAX_MEGAPIXELS = 150
LONGEST_SIDE_PIXELS = 3000
"""Larger pictures are shrunk to this: faces stay larger than the embedders' chips, memory is bounded."""
MARGIN = 0.4
"""What is shown round a face's box, as a share of its longer side."""
# What file managers leave in folders, beside names that begin with a dot.
_OF_THE_SYSTEM = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class ProbeSpec:
    """One picture, or one folder of pictures, of a person: as the user named it.

    ``face`` picks a face of a picture with several, counted from 1, left to right.
    """

    name: str
    path: Path
    face: int | None = None


@dataclass(frozen=True)
class ProbePicture:
    """One picture of a probe, and the SHA-256 of its file."""

    spec: ProbeSpec
    sha256: str


@dataclass(frozen=True)
class ProbeProblem:
    """Why a picture, or a folder of pictures, cannot be a probe. To be strict, raise ``error``."""

    spec: ProbeSpec
    error: ProbeError


def parse_probe(text: str | Path | ProbeSpec) -> ProbeSpec:
    """Read ``[NAME=]PATH[#FACE]``. A path that exists as it is written is taken as it is written."""
    if isinstance(text, ProbeSpec):
        return text
    path = Path(text)
    if isinstance(text, Path) or path.exists():
        refuse_case(path)
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


def probe_list(folder: Path) -> list[ProbeSpec]:
    """Read a folder of many persons: each picture in it is one person, and each folder in it is one person.

    A person is called as the folder, or as the picture without its suffix. Files that are no pictures are taken
    up as well, so that they turn up as problems instead of being passed over; only hidden files, those of file
    managers and records of pictures (``anna.jpg.toml``) are left out.

    Raises:
        ProbeError: there is no such folder, nobody is in it, or two persons would have one name.
    """
    subject = str(folder)
    refuse_case(folder)
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name))
    except FileNotFoundError as error:
        raise ProbeError(
            "no such folder", subject=subject, hint="check the path after --probes-from"
        ) from error
    except NotADirectoryError as error:
        hint = "--probes-from takes a folder of many persons, --probe a picture or folder of one"
        raise ProbeError("is not a folder", subject=subject, hint=hint) from error
    except OSError as error:
        raise ProbeError(f"cannot be read ({error.strerror})", subject=subject) from error
    named: dict[str, ProbeSpec] = {}
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in _OF_THE_SYSTEM or _is_record(entry):
            continue
        spec = ProbeSpec(entry.name if entry.is_dir() else entry.stem, entry)
        other = named.setdefault(spec.name, spec)
        if other is not spec:
            raise ProbeError(
                f"{other.path.name} and {entry.name} would both be called {spec.name}",
                subject=subject,
                hint="rename one of them; pictures of one person go into a folder of their own",
            )
    if not named:
        hint = "put a picture, or a folder of pictures, of each person in it"
        raise ProbeError("nobody is in this folder", subject=subject, hint=hint)
    return list(named.values())


def _is_record(entry: Path) -> bool:
    """Whether it tells where the picture beside it came from."""
    picture = entry.with_suffix("")
    return entry.suffix == RECORD_SUFFIX and picture.suffix.lower() in IMAGE_SUFFIXES


def probe_pictures(specs: Sequence[ProbeSpec]) -> dict[str, list[ProbeSpec]]:
    """The pictures of every probe, by probe name, folders opened; pictures under one name are one person.

    Raises:
        ProbeError: nothing was named, a path does not exist, a folder holds no picture.
    """
    pictures, problems = find_pictures(specs)
    if problems:
        raise problems[0].error
    return pictures


def find_pictures(specs: Sequence[ProbeSpec]) -> tuple[dict[str, list[ProbeSpec]], list[ProbeProblem]]:
    """As :func:`probe_pictures`, but what cannot be used is given beside the pictures, in the order of ``specs``.

    Raises:
        ProbeError: nothing was named.
    """
    if not specs:
        raise ProbeError("no probe was given", hint="name a picture of the person with --probe suspect.jpg")
    pictures: dict[str, list[ProbeSpec]] = {}
    problems = []
    for spec in specs:
        try:
            found = [ProbeSpec(spec.name, path, spec.face) for path in _files_of(spec.path)]
        except ProbeError as error:
            problems.append(ProbeProblem(spec, error))
        else:
            pictures.setdefault(spec.name, []).extend(found)
    return pictures, problems


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise ProbeError("no such file", subject=str(path), hint="check the path after --probe")
    if not path.is_dir():
        return [path]
    try:
        found = [file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES]
    except OSError as error:
        raise ProbeError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    if not found:
        suffixes = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise ProbeError(
            "no picture in this folder",
            subject=str(path),
            hint=f"a folder is one person; put pictures of that person in it ({suffixes})",
        )
    return sorted(found, key=lambda file: natural_key(file.name))


def digest_pictures(
    pictures: Mapping[str, Iterable[ProbeSpec]],
) -> tuple[list[ProbePicture], list[ProbeProblem]]:
    """The SHA-256 of every picture, in order, and the pictures whose files cannot be read."""
    digested, problems = [], []
    for spec in (spec for specs in pictures.values() for spec in specs):
        try:
            digested.append(ProbePicture(spec, sha256_file(spec.path)))
        except ExhibitError as error:
            problems.append(ProbeProblem(spec, ProbeError(error.reason, subject=str(spec.path))))
    return digested, problems


def read_picture(path: Path) -> Pixels:
    """Decode a still picture: (H, W, 3) uint8 RGB, upright, no side longer than LONGEST_SIDE_PIXELS.

    Raises:
        ProbeError: it cannot be read, is not a picture, is damaged, or has too many pixels.
    """
    return _read(path, None)


def read_probe_picture(picture: ProbePicture) -> Pixels:
    """Decode the picture of a probe as :func:`read_picture` does, if its file still has its digest.

    Raises:
        ProbeError: as for :func:`read_picture`, or its file was changed since its digest was taken.
    """
    return _read(picture.spec.path, picture.sha256)


def around_face(image: Pixels, box: Floats) -> Pixels:
    """The part of a picture around a face, as it is there.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) of the face, in its pixels.
    """
    height, width = image.shape[:2]
    grow = MARGIN * float(max(box[2] - box[0], box[3] - box[1]))
    x1, y1 = np.maximum(np.floor(box[:2] - grow), 0).astype(int)
    x2, y2 = np.minimum(np.ceil(box[2:] + grow), (width, height)).astype(int)
    return np.ascontiguousarray(image[y1:y2, x1:x2])


def _read(path: Path, sha256: str | None) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if sha256 is not None and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise ProbeError("was changed while it was read", subject=str(path), hint="run this again")
            return _decode(file, path)
    except UnidentifiedImageError as error:
        hint = "probes are JPEG, PNG, WebP, BMP or TIFF"
        raise ProbeError("is not a picture that can be read", subject=str(path), hint=hint) from error
    except (PermissionError, IsADirectoryError, FileNotFoundError) as error:
        raise ProbeError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ProbeError(
            f"is a damaged picture ({error})", subject=str(path), hint="open it in a viewer and save it again"
        ) from error


def _decode(file: IO[bytes], path: Path) -> Pixels:
    from PIL import Image, ImageOps

    file.seek(0)
    picture: Any
    with Image.open(file) as picture:
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
