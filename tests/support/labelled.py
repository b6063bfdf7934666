"""Folders of labelled photos with drawn faces: a colour is a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fakes import draw_face, scene


def colour_of(person: int, photo: int) -> tuple[int, int, int]:
    """A person's own colour, a little different in each photo; no two people are alike."""
    base = np.random.default_rng(person).integers(0, 3), np.random.default_rng([person, 1]).integers(0, 180)
    colour = [20, 20, 20]
    colour[int(base[0])] = 230
    colour[(int(base[0]) + 1) % 3] = int(base[1])
    return tuple(min(255, part + 3 * photo) for part in colour)  # type: ignore[return-value]


def draw_photo(path: Path, colour: tuple[int, int, int] | None) -> None:
    """A photo of a face in the middle; without a colour there is no face on it."""
    image = scene()
    if colour is not None:
        draw_face(image, colour, 130, 90)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def photo_folder(folder: Path, people: int = 4, photos: int = 3) -> Path:
    """A folder for each person, ``p0``, ``p1`` and so on, with photos ``0.png``, ``1.png`` …"""
    for person in range(people):
        for photo in range(photos):
            draw_photo(folder / f"p{person}" / f"{photo}.png", colour_of(person, photo))
    return folder
