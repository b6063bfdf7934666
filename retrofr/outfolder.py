"""The folder a search writes to: checked before the work, filled at the end, whole or not at all.

Everything is written and flushed to disk under a temporary folder inside it, then renamed into place, run.json
last. What a failure or an interruption leaves is what was there before. A file that retrofr did not write is
never replaced and never removed: run.json lists what it wrote.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from retrofr.documents import (
    FACE_SUFFIX,
    FRAME_SUFFIX,
    RUN_SCHEMA,
    coverage_document,
    encoded,
    face_still,
    json_text,
    run_document,
)
from retrofr.errors import OutputError
from retrofr.exporters import csv, jsonl
from retrofr.integrity import sha256_bytes
from retrofr.records import Still
from retrofr.results import Appearance, SearchResult

RUN_FILE = "run.json"
STILLS_FOLDER = "stills"
PARTIAL_PREFIX = ".retrofr-partial-"
OWN_NAMES = re.compile(
    r"hits\.csv|hits\.jsonl|candidates\.csv|coverage\.csv|run\.json|report\.html"
    r"|stills/((hit|candidate)-\d+-(frame\.jpg|face\.png)|probe-\d+\.jpg)"
)
"""The only names retrofr gives to files of an output folder, and so the only ones it ever replaces or removes."""


def with_still_names(result: SearchResult) -> SearchResult:
    """The same result with the path of its still, relative to the output folder, in every appearance that has one."""
    return dataclasses.replace(
        result, hits=_named("hit", result.hits), candidates=_named("candidate", result.candidates)
    )


class OutFolder:
    """A folder that was found fit to take results.

    Use it as a context: leaving it by an error removes the folders it made, if nothing was written.
    """

    def __init__(self, path: Path, *, force: bool = False) -> None:
        """Check the folder, making it where it is not there.

        Args:
            path: where results go.
            force: accept a folder that is not empty and replace what retrofr wrote there.

        Raises:
            OutputError: it is no folder, is not empty (without ``force``), holds a foreign file under a name
                of retrofr's, or cannot be written.
        """
        self.path = path
        self._force = force
        self._made: list[Path] = []
        self._replaceable: frozenset[str] = frozenset()
        with _explained(path):
            self._check()

    def __enter__(self) -> OutFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._remove_made()

    def write(self, result: SearchResult, beside: Mapping[str, bytes] | None = None) -> list[str]:
        """Write the result; gives the names written, relative to the folder.

        Args:
            result: as :func:`with_still_names` gives it.
            beside: more files by name, all of ``OWN_NAMES``: the report.

        Raises:
            OutputError: it could not be written; the folder is as it was before.
        """
        files = _files(result, beside or {})
        with _explained(self.path):
            staging = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=self.path))
            try:
                for name, content in files.items():
                    _write_file(staging / name, content)
                self._publish(staging, list(files))
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return list(files)

    def _check(self) -> None:
        if self.path.is_dir():
            entries = [entry for entry in self.path.iterdir() if not _is_stale(entry)]
            if entries and not self._force:
                raise OutputError(
                    "is not empty, and nothing is overwritten",
                    subject=str(self.path),
                    hint="name another folder, or add --force to replace what retrofr wrote there before",
                )
            self._replaceable = frozenset(_written_before(self.path))
            self._refuse_foreign_files()
        elif os.path.lexists(self.path):
            raise OutputError("is not a folder", subject=str(self.path), hint="name a folder with --out")
        else:
            self._make()
        try:
            self._try_to_write()
        except BaseException:
            self._remove_made()
            raise

    def _make(self) -> None:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def _remove_made(self) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody put something there meanwhile: it stays
                folder.rmdir()

    def _try_to_write(self) -> None:
        with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=self.path) as trial:
            _write_file(Path(trial) / "trial", b"retrofr\n")
        if self._force:
            for folder in self.path.glob(f"{PARTIAL_PREFIX}*"):
                shutil.rmtree(folder, ignore_errors=True)

    def _refuse_foreign_files(self) -> None:
        stills = self.path / STILLS_FOLDER
        if os.path.lexists(stills) and (stills.is_symlink() or not stills.is_dir()):
            raise OutputError(
                "is in the way of the folder for stills", subject=str(stills), hint="move it away"
            )
        for name in _names_inside(self.path):
            if OWN_NAMES.fullmatch(name) and name not in self._replaceable:
                raise OutputError(
                    "was not written by retrofr, so --force does not replace it",
                    subject=str(self.path / name),
                    hint="move it away, or name another folder with --out",
                )

    def _publish(self, staging: Path, names: list[str]) -> None:
        """Rename everything into place, old files out of the way first; undo all of it if anything fails."""
        outdated = staging / "outdated"
        moves = [(self.path / name, outdated / name) for name in sorted(self._replaceable)]
        moves = [(old, aside) for old, aside in moves if os.path.lexists(old)]
        moves += [(staging / name, self.path / name) for name in names]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                target.parent.mkdir(parents=True, exist_ok=True)
                if os.path.lexists(target):
                    raise OutputError(
                        "appeared while the search ran, and nothing is overwritten",
                        subject=str(target),
                        hint="another run may be writing to the same folder; search again with another --out",
                    )
                done.append((source, target))
                source.rename(target)
            _flush_folders({target.parent for _, target in moves} | {self.path})
        except BaseException:
            for source, target in reversed(done):
                with contextlib.suppress(FileNotFoundError):
                    target.rename(source)
            with contextlib.suppress(OSError):
                (self.path / STILLS_FOLDER).rmdir()
            raise


def _named(kind: str, appearances: tuple[Appearance, ...]) -> tuple[Appearance, ...]:
    return tuple(
        appearance
        if appearance.still_pictures is None
        else dataclasses.replace(
            appearance, still=_still_name(kind, appearance.rank, appearance.still_pictures)
        )
        for appearance in appearances
    )


def _still_name(kind: str, rank: int, still: Still) -> str:
    """The frame's; the face's where there is no frame."""
    suffix = FACE_SUFFIX if still.frame_jpeg is None else FRAME_SUFFIX
    return f"{STILLS_FOLDER}/{kind}-{rank:04}{suffix}"


def _files(result: SearchResult, beside: Mapping[str, bytes]) -> dict[str, bytes]:
    """Contents by name, run.json last: it lists the others with their digests."""
    files = {**beside, **dict(_stills((*result.hits, *result.candidates)))}
    for exporter in (csv.build(csv.CsvSettings()), jsonl.build(jsonl.JsonlSettings())):
        with io.BytesIO() as file:
            exporter.write_appearances(result.hits, file)
            files[f"hits{exporter.suffix}"] = file.getvalue()
    if result.candidates:
        with io.BytesIO() as file:
            csv.build(csv.CsvSettings()).write_appearances(result.candidates, file)
            files["candidates.csv"] = file.getvalue()
    with io.BytesIO() as file:
        csv.write_coverage(result.coverage, file)
        files["coverage.csv"] = file.getvalue()
    document = {
        **run_document(result),
        "coverage": coverage_document(result.coverage),
        "stills": dict(_hidden((*result.hits, *result.candidates))),
        "files": {name: sha256_bytes(content) for name, content in files.items()},
    }
    files[RUN_FILE] = encoded(json_text(document, indent=2) + "\n")
    return files


def _stills(appearances: Iterable[Appearance]) -> Iterator[tuple[str, bytes]]:
    for appearance in appearances:
        if appearance.still is not None and appearance.still_pictures is not None:
            pictures = appearance.still_pictures
            if pictures.frame_jpeg is not None:
                yield appearance.still, pictures.frame_jpeg
            yield face_still(appearance.still), pictures.face_png


def _hidden(appearances: Iterable[Appearance]) -> Iterator[tuple[str, dict[str, object]]]:
    """How many faces of others each still hides; null where it was asked to hide nobody."""
    for appearance in appearances:
        if appearance.still is not None and appearance.still_pictures is not None:
            yield appearance.still, {"faces_hidden": appearance.still_pictures.hidden}


def _written_before(folder: Path) -> Iterator[str]:
    """Names of the files an earlier run wrote here, by its run.json, or by that of one killed while renaming."""
    for run_file in (folder / RUN_FILE, *folder.glob(f"{PARTIAL_PREFIX}*/{RUN_FILE}")):
        try:
            document = json.loads(run_file.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and document.get("schema") == RUN_SCHEMA:
            listed = document.get("files")
            names = [*listed, RUN_FILE] if isinstance(listed, dict) else [RUN_FILE]
            yield from (name for name in names if OWN_NAMES.fullmatch(name))


def _names_inside(folder: Path) -> list[str]:
    stills = folder / STILLS_FOLDER
    entries = [*folder.iterdir(), *(stills.iterdir() if stills.is_dir() else ())]
    return [entry.relative_to(folder).as_posix() for entry in entries]


def _is_stale(entry: Path) -> bool:
    """An empty leftover of a run that was killed while it checked the folder."""
    return entry.name.startswith(PARTIAL_PREFIX) and entry.is_dir() and not any(entry.iterdir())


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into an OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                "the disk is full, so nothing was written there",
                subject=str(folder),
                hint="free some space, or name a folder on another disk with --out, and search again",
            ) from error
        raise OutputError(
            f"cannot be written to ({error.strerror or error})",
            subject=str(folder),
            hint="name a folder you may write to with --out",
        ) from error
