"""The folder of recordings, made once: kept in pytest's cache until what makes them changes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import recordings

_KEPT = 2  # folders of other versions: two branches may be worked on in turns


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every recording of the table; read only, for all tests share them."""
    cache = getattr(request.config, "cache", None)
    home = cache.mkdir("recordings") if cache else tmp_path_factory.mktemp("recordings")
    folder: Path = home / recordings.fingerprint()
    with _alone(home / "lock"):
        if not folder.exists():
            _make(folder)
            _forget_old(home, folder)
    return folder


def _make(folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir()
    recordings.make_recordings(unfinished)
    for path in unfinished.iterdir():
        path.chmod(0o444)
    unfinished.rename(folder)


def _forget_old(home: Path, current: Path) -> None:
    others = [path for path in home.iterdir() if path.is_dir() and path != current]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One worker makes them, the others wait."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
