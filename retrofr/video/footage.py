"""From what the user named to the files that are searched.

Nothing is opened here; that a file can be decoded is found out by :mod:`retrofr.video.container`.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from retrofr.errors import ExhibitError, RefusedError, UsageError
from retrofr.refusals import RECORDED_ONLY, refuse_case
from retrofr.results import Unsearched
from retrofr.video._names import natural_key, printable, unique_names

__all__ = ["Footage", "FootageFile", "find_footage", "natural_key", "printable"]

# Endings of files that lie beside recordings and are not video. Anything else is tried: recorders invent
# endings (.dav, .264, .asd), and some write none.
_NOT_VIDEO_ENDINGS = (
    "txt csv tsv json jsonl xml html htm css js log md rst pdf doc docx xls xlsx odt ods ppt pptx rtf "
    "jpg jpeg jpe png bmp tif tiff webp gif heic heif avif svg ico psd "
    "srt vtt ass sub idx smi m3u m3u8 pls mpd ffconcat sdp "
    "mp3 wav aac flac opus m4a wma amr "
    "zip 7z rar gz bz2 xz zst tar tgz iso "
    "sha1 sha256 sha512 md5 sig asc pem crt key "
    "dll msi bat cmd ps1 sh py so dylib jar "
    "ini cfg conf toml yaml yml db db-wal db-shm sqlite sqlite3 lnk url torrent"
)
NOT_VIDEO = frozenset(_NOT_VIDEO_ENDINGS.split())
ARCHIVES = frozenset(["zip", "7z", "rar", "gz", "bz2", "xz", "zst", "tar", "tgz", "iso"])
# Recorders export recordings as programs that play themselves, and put players beside recordings.
_PROGRAM = "exe"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class FootageFile:
    """A file to be searched. ``name`` is what outputs show: unique in its run, printable, with ``/``.

    ``tentative``: found in a folder or by a pattern, and by its name a program. It may hold a recording that
    plays itself; if it turns out to hold none it is one of the ignored files and no error.
    """

    path: Path
    name: str
    tentative: bool = False


@dataclass(frozen=True)
class Footage:
    """The files of a run in the order they are searched.

    ``ignored`` names what lies in searched folders and is not video by its name or kind; it is not opened.
    ``unreadable`` is what could not be looked into, such as a folder without permission.
    """

    files: tuple[FootageFile, ...]
    ignored: tuple[str, ...]
    unreadable: tuple[Unsearched, ...] = ()

    def total_bytes(self) -> int:
        """Of all files, as they are on the disk now; those that are gone count nothing."""
        return sum(file.path.stat().st_size for file in self.files if file.path.exists())

    @property
    def archives(self) -> tuple[str, ...]:
        """Those of the ignored files that are archives by their name: there may be footage in them."""
        return tuple(name for name in self.ignored if name.rpartition(".")[2].lower() in ARCHIVES)


@dataclass
class _Search:
    """What has been gathered so far.

    ``seen`` holds the real paths of files and walked folders, so that nothing is searched twice; ``found``
    counts what is there to be searched, files that were already named and folders that cannot be listed
    among it.
    """

    files: list[FootageFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unreadable: list[Unsearched] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    found: int = 0

    def is_new(self, path: Path) -> bool:
        real = os.path.realpath(path)
        if real in self.seen:
            return False
        self.seen.add(real)
        return True

    def take(self, path: Path, name: str, *, tentative: bool = False) -> None:
        self.found += 1
        if self.is_new(path):
            self.files.append(FootageFile(path, printable(name), tentative))
        elif not tentative:  # a program that was found in a folder may be named as well: then it is meant
            real = os.path.realpath(path)
            self.files = [
                replace(file, tentative=False)
                if file.tentative and os.path.realpath(file.path) == real
                else file
                for file in self.files
            ]

    def give_up(self, what: Unsearched) -> None:
        self.found += 1
        self.unreadable.append(what)


def find_footage(paths: Sequence[str | Path]) -> Footage:
    """Find the files that the user's words mean.

    Args:
        paths: files (always tried), folders (with their subfolders, hidden ones left out, links followed
            once) and glob patterns (``*``, ``?``, ``[…]``, ``**``; as in folders, files that are not video
            by name are left out). Order: as given; inside folders and patterns natural order, cam2 before
            cam10.

    Programs (.exe) in folders are taken, as tentative.

    Raises:
        UsageError: nothing given; a path that does not exist; a folder or pattern without footage.
        RefusedError: a URL, a device, a pipe, a socket, standard input: only recorded files are searched; a case.
        ExhibitError: there is nothing to search but folders that cannot be listed.
    """
    if not paths:
        raise UsageError("no footage given", hint="name at least one video file or a folder of them")
    search = _Search()
    for path in paths:
        _add(search, str(path))
    if not search.files and search.unreadable:
        first = search.unreadable[0]
        raise ExhibitError(first.reason, subject=first.subject, hint=first.hint)
    if not search.files:  # a folder whose only content is a link to itself
        raise UsageError("no footage in what was given", subject=printable(str(paths[0])))
    names = unique_names([(file.path, file.name) for file in search.files])
    files = tuple(replace(file, name=name) for file, name in zip(search.files, names, strict=True))
    return Footage(files, tuple(search.ignored), tuple(search.unreadable))


def _add(search: _Search, text: str) -> None:
    _refuse_live(text)
    path = Path(text)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if path.is_symlink():
            raise UsageError("is a link to something that does not exist", subject=printable(text)) from error
        if glob.has_magic(text):
            _add_pattern(search, text)
            return
        raise UsageError(
            "does not exist", subject=printable(text), hint="check the spelling and the current folder"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot be reached ({reason})", subject=printable(text)) from error
    refuse_case(path)
    if stat.S_ISDIR(mode):
        _add_folder(search, path)
    elif stat.S_ISREG(mode):
        search.take(path, path.name)
    else:
        raise RefusedError(f"is {_kind(mode)}", subject=printable(text), hint=RECORDED_ONLY)


def _refuse_live(text: str) -> None:
    if _SCHEME.match(text):
        raise RefusedError("is an address, not a file", subject=printable(text), hint=RECORDED_ONLY)
    if text == "-":
        raise RefusedError("standard input is not a recorded file", subject="-", hint=RECORDED_ONLY)
    absolute = os.path.normpath(Path(text).absolute())
    # /dev/shm holds ordinary files in memory; the rest of /dev, and descriptors in /proc, do not.
    inside_dev = absolute.startswith("/dev/") and not absolute.startswith("/dev/shm/")
    if inside_dev or re.match(r"/proc/[^/]+/fd/", absolute):
        raise RefusedError("is a device", subject=printable(text), hint=RECORDED_ONLY)


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def _add_folder(search: _Search, folder: Path) -> None:
    found, ignored = search.found, len(search.ignored)
    for path in _walk(search, folder, folder):
        _add_found(search, path, path.relative_to(folder).as_posix())
    if search.found == found:
        raise UsageError(
            "this folder holds no footage",
            subject=printable(str(folder)),
            hint=_ignored_hint(search.ignored[ignored:]),
        )


def _ignored_hint(ignored: list[str]) -> str:
    if not ignored:
        return "it is empty, hidden files and folders aside"
    names = ", ".join(ignored[:3]) + (", …" if len(ignored) > 3 else "")
    return f"what is in it is not video by its name ({names}); name a file itself to have it tried"


def _walk(search: _Search, folder: Path, root: Path) -> Iterator[Path]:
    """Everything that is not a folder, files of a folder before its subfolders, in natural order."""
    if not search.is_new(folder):  # named twice, or a link back into what was walked
        search.found += 1
        return
    try:
        inside = sorted(
            (path for path in folder.iterdir() if not path.name.startswith(".")),
            key=lambda path: natural_key(path.name),
        )
    except OSError as error:
        search.give_up(
            Unsearched(
                printable(folder.relative_to(root.parent).as_posix()),
                f"this folder cannot be listed ({error.strerror}), so nothing in it was searched",
                "change its permissions, or run as a user who may read it",
            )
        )
        return
    is_folder = [_is_folder(path) for path in inside]
    yield from (path for path, inner in zip(inside, is_folder, strict=True) if not inner)
    for path, inner in zip(inside, is_folder, strict=True):
        if inner:
            yield from _walk(search, path, root)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # its folder may be listed and not entered
        return False


def _add_found(search: _Search, path: Path, name: str) -> None:
    """Take in something found in a folder or by a pattern: never an error, always accounted for."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError)
        reason = "a link to something that does not exist" if is_gone else error.strerror
        search.give_up(Unsearched(printable(name), f"cannot be reached ({reason})"))
        return
    ending = path.suffix[1:].lower()
    if stat.S_ISREG(mode) and ending not in NOT_VIDEO:
        search.take(path, name, tentative=ending == _PROGRAM)
    elif search.is_new(path):
        search.ignored.append(printable(name))


def _add_pattern(search: _Search, pattern: str) -> None:
    # Not Path.glob: that takes in hidden files and wants absolute patterns apart.
    fitting = sorted(glob.glob(pattern, recursive=True), key=natural_key)  # noqa: PTH207
    if not fitting:
        raise UsageError(
            "nothing fits this pattern", subject=printable(pattern), hint="** stands for any depth of folders"
        )
    found, ignored = search.found, len(search.ignored)
    for path in map(Path, fitting):
        if _is_folder(path):
            for inner in _walk(search, path, path):
                _add_found(search, inner, inner.relative_to(path.parent).as_posix())
        else:
            _add_found(search, path, path.name)
    if search.found == found:
        raise UsageError(
            "no footage fits this pattern",
            subject=printable(pattern),
            hint=_ignored_hint(search.ignored[ignored:]),
        )
