"""Weights files: what each is, where it is found, and whether it is what it says.

A file is looked for in the installed package that carries it (found without running that package's code),
then in the model folder. Its bytes are checked against a SHA-256 each time they are read; one that fails is
never used. Where no digest is known, that of the first download is recorded beside the file and held to.
"""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import platformdirs

from retrofr import registry
from retrofr.errors import ModelError, WeightsError
from retrofr.integrity import sha256_bytes

MODELS_FOLDER_VARIABLE = "RETROFR_MODELS"
PART_KINDS = ("detectors", "embedders")
# Packages of extras that carry weights, and the modules that describe them.
_EXTRAS = {"rapidocr": "retrofr.overlay.text_reader"}


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights.

    Args:
        name: how commands call it, unique over all parts.
        file_name: its name in the model folder.
        sha256: digest in lower-case hexadecimal; None where none is known beforehand: it is then
            recorded at the first download.
        size_bytes: exact size; None where it is not known before the first download.
        licence: of the weights, not of the code.
        source: who made it and where it is described.
        training_data: what it was trained on.
        package: import name of an installed package that carries it, None if it must be downloaded.
        package_path: where it lies inside that package, with forward slashes.
        url: official address it can be downloaded from, None where there is none.
    """

    name: str
    file_name: str
    sha256: str | None
    size_bytes: int | None
    licence: str
    source: str
    training_data: str
    package: str | None = None
    package_path: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 of {self.name}: expected 64 hexadecimal digits, got {self.sha256!r}")
        if (self.package is None) != (self.package_path is None):
            raise ValueError(f"{self.name}: package and package_path go together")


class State(StrEnum):
    """What is known of a weights file on this machine."""

    PRESENT = "present"
    ABSENT = "absent"
    WRONG_DIGEST = "wrong digest"
    UNRECORDED = "no recorded digest"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class WeightsState:
    """What :func:`check_weights` found.

    ``sha256`` is that of the bytes found, None where there are none to read. ``recorded`` is True where
    the expected digest was taken at the first download instead of being fixed in retrofr.
    """

    file: WeightsFile
    state: State
    path: Path | None
    sha256: str | None
    recorded: bool


def models_folder() -> Path:
    """Where downloaded weights are kept; the variable RETROFR_MODELS overrides it. It may not exist yet."""
    override = os.environ.get(MODELS_FOLDER_VARIABLE)
    return Path(override) if override else Path(platformdirs.user_data_dir("retrofr")) / "models"


def find_weights(file: WeightsFile) -> Path | None:
    """Where the file lies, None where it is not on this machine. Its bytes are not looked at."""
    if file.package is not None and file.package_path is not None:
        folders = _package_folders(file.package)
        for path in (folder.joinpath(*file.package_path.split("/")) for folder in folders):
            if path.is_file():
                return path
    path = models_folder() / file.file_name
    return path if path.is_file() else None


def read_weights(file: WeightsFile) -> bytes:
    """The bytes of a weights file, checked against its size and SHA-256.

    Raises:
        WeightsError: it is absent, unreadable, not the file it should be, or has no digest to check it by.
    """
    return read_weights_with_digest(file)[0]


def read_weights_with_digest(file: WeightsFile) -> tuple[bytes, str]:
    """The bytes of a weights file and their SHA-256; else as :func:`read_weights`."""
    path = find_weights(file)
    if path is None:
        raise WeightsError("these weights are not on this machine", subject=file.name, hint=_how_to_get(file))
    content, sha256 = _read_with_digest(file, path)
    wanted = expected_digest(file, path)
    if wanted is None:
        raise WeightsError(
            f"{path} has no recorded digest to check it against",
            subject=file.name,
            hint=f"`retrofr models pull {file.name}` downloads it again and records its digest",
        )
    if sha256 != wanted or file.size_bytes not in (None, len(content)):
        raise WeightsError(
            f"{path} is not the file it should be (SHA-256 {sha256}, expected {wanted}), so it is not used",
            subject=file.name,
            hint=_how_to_mend(file, path),
        )
    return content, sha256


def check_weights(file: WeightsFile) -> WeightsState:
    """Look for a weights file and check its bytes; never raises for what it finds."""
    path = find_weights(file)
    if path is None:
        return WeightsState(file, State.ABSENT, None, None, False)
    try:
        content, sha256 = _read_with_digest(file, path)
        wanted = expected_digest(file, path)
    except WeightsError:
        return WeightsState(file, State.UNREADABLE, path, None, False)
    if wanted is None:
        state = State.UNRECORDED
    elif sha256 != wanted or file.size_bytes not in (None, len(content)):
        state = State.WRONG_DIGEST
    else:
        state = State.PRESENT
    return WeightsState(file, state, path, sha256, recorded=file.sha256 is None and wanted is not None)


def known_weights() -> list[WeightsFile]:
    """The weights of every detector and embedder that can be loaded, and of installed extras, without torch."""
    files: dict[str, WeightsFile] = {}
    for kind in PART_KINDS:
        for name in registry.names(kind):
            try:
                module = registry.load(kind, name)
            except ModelError:
                continue  # the listing of parts says why
            for file in getattr(module, "WEIGHTS", ()):
                files.setdefault(file.name, file)
    for package, module_name in _EXTRAS.items():
        if _package_folders(package):
            files |= {file.name: file for file in import_module(module_name).WEIGHTS}
    return list(files.values())


def record_path(path: Path) -> Path:
    """Where the digest of a file without a published one is kept, in the form ``sha256sum --check`` reads."""
    return path.with_name(path.name + ".sha256")


def expected_digest(file: WeightsFile, path: Path) -> str | None:
    """The digest the file at ``path`` must have; None where none is fixed and none was recorded.

    Raises:
        WeightsError: the record is there and is not a digest.
    """
    if file.sha256 is not None:
        return file.sha256
    record = record_path(path)
    try:
        text = record.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{record} cannot be read ({error})", subject=file.name) from error
    found = re.match("[0-9a-f]{64}(?![0-9a-f])", text)
    if found is None:
        raise WeightsError(
            f"{record} holds no SHA-256",
            subject=file.name,
            hint=f"`retrofr models pull {file.name}` downloads the file again and records its digest",
        )
    return found.group()


def _read_with_digest(file: WeightsFile, path: Path) -> tuple[bytes, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror})", subject=file.name) from error
    return content, sha256_bytes(content)


def _package_folders(package: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _how_to_get(file: WeightsFile) -> str:
    if file.url is not None:
        return f"`retrofr models pull {file.name}` downloads them"
    return f"they come with the Python package {file.package}; install retrofr again with all it needs"


def _how_to_mend(file: WeightsFile, path: Path) -> str:
    if file.url is not None and path.parent == models_folder():
        return f"`retrofr models pull {file.name}` downloads it again"
    return f"install the Python package that brings {file.package or file.file_name} again"
