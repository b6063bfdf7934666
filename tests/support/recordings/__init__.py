"""A folder of recordings as recorders, power cuts and failing disks leave them, each frame numbered.

They are made from nothing with PyAV, the same bytes each time, in some seconds. What each is and what has to come
of it is in ``tests/recordings/cases.toml``. What PyAV does with them was measured before any of this was written;
these files are synthetic, and no recording of a real recorder is among them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import av

from recordings import clocks, damaged, makers, others, pictures, whole
from recordings.picture import Look, combing, look_at, number_in
from recordings.studio import Studio

__all__ = ["Look", "combing", "fingerprint", "look_at", "make_recordings", "number_in"]


def make_recordings(folder: Path) -> None:
    """Write all recordings into a folder that exists."""
    studio = Studio(folder)
    for part in (whole, damaged, makers, clocks, pictures, others):
        part.make(studio)


def fingerprint() -> str:
    """Changes when what is written could change: with this folder's code and with PyAV."""
    digest = hashlib.sha256(av.__version__.encode())
    here = Path(__file__).parent
    for source in [*sorted(here.glob("*.py")), here.parent / "clips.py"]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
