"""Keeps nets that were converted for OpenVINO in the user's cache folder, so that later runs need no torch.

Beside each lies the same net as OpenVINO compiled it for this machine's processor, which is ready in less time. A
kept net is public weights in another form; nothing of footage, probes or cases is in it. Whether a kept net is
used or made again changes no result. One file a net: a line that says what it is, then a line of JSON (its terms,
sizes and the SHA-256 of the rest), then OpenVINO's graph (XML) and constants, or what it compiled. It is read as a
whole and checked before any of it is used. A file that is damaged, belongs to somebody else, could have been
written by somebody else, or was made from other weights, code or library versions is not used, and is written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import platformdirs

CACHE_VARIABLE = "RETROFR_CACHE"
SWITCHED_OFF = "off"
MAGIC = b"retrofr converted net 1\n"
SUFFIX = ".net"
KEPT_OF_A_NET = 2
"""Files kept of one net, newest first: that of this version, and of one other beside it."""
_ABANDONED_SECONDS = 3600
_UNFINISHED = "writing-"
# What takes part in a conversion beside retrofr's own code.
_LIBRARIES = ("facenet-pytorch", "onnx", "openvino", "retrofr", "torch")


@dataclass(frozen=True)
class ConvertedNet:
    """OpenVINO's two files of a net: the graph (XML) and its constants; of a compiled net all is in ``constants``."""

    graph: bytes
    constants: memoryview


@dataclass(frozen=True)
class KeptNets:
    """What lies in the cache: ``problem`` says why none can be kept or used there, None where they can."""

    folder: Path | None
    problem: str | None
    files: int
    size_bytes: int


def cache_folder() -> Path | None:
    """Where converted nets are kept: ``nets`` in the user's cache folder of retrofr, or in $RETROFR_CACHE.

    None where keeping is switched off (RETROFR_CACHE=off) or the system names no such folder. It may not exist.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen == SWITCHED_OFF:
        return None
    folder = Path(chosen or platformdirs.user_cache_dir("retrofr"))
    # Without a home the system's answer begins with a plain "~", which would be a folder of that name here.
    return folder.absolute() / "nets" if chosen or folder.is_absolute() else None


def conversion_terms(weights_sha256: str, **shape: Any) -> dict[str, Any]:
    """Everything that decides what a converted net is: its weights, its input, our code, libraries' versions."""
    return {
        "weights_sha256": weights_sha256,
        **shape,
        "sources": _sources_sha256(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def read_net(name: str, terms: Mapping[str, Any]) -> ConvertedNet | None:
    """The kept net of that name and these terms; None where there is none that is whole and our own."""
    folder = cache_folder()
    if folder is None or _not_private(folder) is not None:
        return None
    try:
        content = _read_own(_place(folder, name, terms))
        return None if content is None else _unpack(content, terms)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_kept(name: str, terms: Mapping[str, Any]) -> bool:
    """Whether there is a file for that name and these terms in a folder of our own; it is not read or checked."""
    folder = cache_folder()
    if folder is None or _not_private(folder) is not None:
        return False
    try:
        return stat.S_ISREG(_place(folder, name, terms).lstat().st_mode)
    except OSError:
        return False


def keep_net(name: str, terms: Mapping[str, Any], net: ConvertedNet) -> None:
    """Keep a net for later runs. Does nothing where that cannot be done: a later run is slower, no more.

    Args:
        name: of the net, for the file's name.
        terms: from :func:`conversion_terms`.
        net: what is kept.
    """
    folder = cache_folder()
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _not_private(folder) is not None:
            return
        number, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
        try:
            with os.fdopen(number, "wb") as file:
                _pack(file, terms, net)
            # In one step, so that another process sees all of it or nothing.
            Path(unfinished).replace(_place(folder, name, terms))
        finally:
            Path(unfinished).unlink(missing_ok=True)
        _clear_old(folder, name)
    except OSError:
        # No room, no permission, a home that is read-only: the folder is only there to save time.
        return


def kept_nets() -> KeptNets:
    """What is kept, and why nothing can be where that is so; creates nothing."""
    folder = cache_folder()
    if folder is None:
        return KeptNets(None, "keeping converted nets is switched off, or there is no home folder", 0, 0)
    try:
        sizes = [path.stat().st_size for path in folder.glob(f"*{SUFFIX}")] if folder.is_dir() else []
    except OSError as error:
        return KeptNets(folder, f"{folder} cannot be read ({error.strerror})", 0, 0)
    return KeptNets(folder, _not_private(folder) or _not_writable(folder), len(sizes), sum(sizes))


def forget_nets() -> None:
    """Delete every kept net."""
    folder = cache_folder()
    if folder is not None:
        for path in folder.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                path.unlink()


def _place(folder: Path, name: str, terms: Mapping[str, Any]) -> Path:
    return folder / f"{name}-{hashlib.sha256(_canonical(terms)).hexdigest()[:32]}{SUFFIX}"


def _canonical(terms: Mapping[str, Any]) -> bytes:
    return json.dumps(terms, sort_keys=True, separators=(",", ":")).encode("ascii")


def _pack(file: IO[bytes], terms: Mapping[str, Any], net: ConvertedNet) -> None:
    digest = hashlib.sha256(net.graph)
    digest.update(net.constants)
    sizes = [len(net.graph), len(net.constants)]
    file.write(MAGIC + _canonical({"terms": terms, "sizes": sizes, "sha256": digest.hexdigest()}) + b"\n")
    file.write(net.graph)
    file.write(net.constants)


def _unpack(content: bytes, terms: Mapping[str, Any]) -> ConvertedNet | None:
    """The net in the bytes of a file, None where they are not what was written for these terms."""
    end = content.find(b"\n", len(MAGIC))
    if not content.startswith(MAGIC) or end < 0:
        return None
    header = json.loads(content[len(MAGIC) : end])
    body = memoryview(content)[end + 1 :]
    graph, constants = header["sizes"]
    if _canonical(header["terms"]) != _canonical(terms) or graph + constants != len(body):
        return None
    if hashlib.sha256(body).hexdigest() != header["sha256"]:
        return None
    return ConvertedNet(bytes(body[:graph]), body[graph:])


def _read_own(path: Path) -> bytes | None:
    """The bytes of a regular file that belongs to this user and that nobody else may write; else None."""
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        facts = os.fstat(file.fileno())
        return file.read() if stat.S_ISREG(facts.st_mode) and _is_ours(facts) else None


def _is_ours(facts: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):
        return True  # Windows keeps a user's folders from others by their place
    return facts.st_uid == os.geteuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _not_private(folder: Path) -> str | None:
    """Why files in the folder cannot be trusted, None where they can or there is no folder yet."""
    try:
        facts = folder.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})"
    if not stat.S_ISDIR(facts.st_mode):
        return f"{folder} is not a folder"
    return None if _is_ours(facts) else f"{folder} belongs to somebody else, or others may write in it"


def _not_writable(folder: Path) -> str | None:
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    writable = os.access(there, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    return None if writable else f"{there} cannot be written in"


def _clear_old(folder: Path, name: str) -> None:
    """Delete what older versions left of this net, and what killed processes left unfinished."""
    # A name may begin with another one: what follows it is exactly one dash and the key.
    found = [path for path in folder.glob(f"{name}-*{SUFFIX}") if "-" not in path.stem[len(name) + 1 :]]
    for path in sorted(found, key=lambda each: each.stat().st_mtime, reverse=True)[KEPT_OF_A_NET:]:
        path.unlink(missing_ok=True)
    for left in folder.glob(f"{_UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)


@cache
def _sources_sha256() -> str:
    """SHA-256 over our own code that rebuilds and converts nets; a changed line gives other keys."""
    package = Path(__file__).parent
    own = ("onnx_weights.py", "openvino_import.py", "openvino_nets.py")
    files = [*(package / name for name in own), *package.glob("embedders/*.py")]
    digest = hashlib.sha256()
    for path in sorted([*files, *package.glob("detectors/*.py")]):
        digest.update(path.name.encode())
        with suppress(OSError):  # an installation without sources has its version number alone
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def processor_sha256() -> str:
    """SHA-256 over what this machine's processor is and can do, as far as the system tells."""
    told = [platform.machine(), platform.processor()]
    with suppress(OSError):  # Linux tells here; elsewhere OpenVINO's own check of what it reads must do
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
        told += [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@cache
def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
