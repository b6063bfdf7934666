"""A case of two short recordings of drawn faces, searched for red, and the bundle of that search."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fakes
from clips import make_clip, numbered_picture
from fakes import COLOURS, draw_face, scene
from retrofr import registry
from retrofr.case.store import create_case, open_case
from retrofr.case_search import search_case
from retrofr.case_selection import CaseSelection
from retrofr.disclosure import bag
from retrofr.disclosure.signing import sign_bundle
from retrofr.exporting import formats
from retrofr.exporting.case_bundle import CaseBundle
from retrofr.exporting.material import Options, material_of
from retrofr.exporting.outputs import new_folder
from retrofr.indexing import index
from retrofr.oversight.operators import Operator, operator_key
from retrofr.records import Pixels
from retrofr.settings import IndexSettings, Settings

INLINE = IndexSettings(engine="inline")
"""Other processes do not know the fake parts."""
OPERATOR = "A. Smith"


@dataclass(frozen=True)
class Bundled:
    """Where everything lies. ``probe`` shows two faces, of which the left one, red, was searched for."""

    folder: Path

    @property
    def case(self) -> Path:
        return self.folder / "case"

    @property
    def footage(self) -> Path:
        return self.folder / "footage"

    @property
    def probe(self) -> Path:
        return self.folder / "pair.png"

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    def copy(self, to: Path) -> Path:
        """A copy of the bundle, to be altered."""
        return Path(shutil.copytree(self.bundle, to / "bundle"))


def street(number: int, width: int, height: int) -> Pixels:
    """Red is there all the time, blue and yellow now and then."""
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 20 + number % 30, 60, 60)
    if number % 60 < 30:
        draw_face(image, COLOURS["blue"], 200, 100, 60)
    elif number > 80:
        draw_face(image, COLOURS["yellow"], 110, 150, 60)
    return image


def settings(**search: object) -> Settings:
    """Those of the fake parts; ``search`` are settings of the search."""
    return Settings.from_mapping(
        {
            "detect": {"detector": "fake"},
            "embed": {"embedder": "fake"},
            "video": {"slice_seconds": 2.0},
            "search": {"threshold": 0.8, "top": 4, **search},
            "index": {"engine": "inline"},
        }
    )


@contextlib.contextmanager
def bundled(folder: Path) -> Iterator[Bundled]:
    """Make all of it; within, the fake parts are there, and keys and logs lie in the folder."""
    found = {"detectors": fakes.FAKE_DETECTOR, "embedders": fakes.FAKE_EMBEDDER}
    there = Bundled(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            registry,
            "_foreign",
            lambda kind: {"fake": fakes.as_entry_point(found[kind])} if kind in found else {},
        )
        patch.setenv("RETROFR_KEYS", str(folder / "keys"))
        patch.setenv("RETROFR_AUDIT", str(folder / "audit"))
        patch.setenv("RETROFR_OPERATOR", OPERATOR)
        there.footage.mkdir()
        for name, frames in (("cam1_20240330_171105.mp4", 125), ("cam2_20240330_171205.mp4", 75)):
            make_clip(there.footage / name, frames=frames, picture=street)
        image = scene()
        draw_face(image, COLOURS["red"], 40, 80)
        draw_face(image, COLOURS["blue"], 200, 80)
        Image.fromarray(image).save(there.probe)
        with create_case(there.case) as case:
            index([there.footage], case, settings=settings())
            search_case(case, [f"{there.probe}#1"], settings=settings())
        write_bundle(there.case, there.bundle)
        yield there


def search_again(there: Bundled, selection: CaseSelection, to: Path, **search: object) -> Path:
    """Search another part of the case, and make a bundle of it."""
    with open_case(there.case) as case:
        search_case(case, [f"{there.probe}#1"], settings=settings(**search), selection=selection)
    write_bundle(there.case, to)
    return to


def write_bundle(path: Path, out: Path) -> None:
    """The bundle of the last search of a case."""
    with open_case(path) as case, new_folder(out) as output:
        export = formats.load("bundle")
        material = material_of(case)
        assert export(material, Options(case=CaseBundle(case, material)), output) == ()


def signed_anew(folder: Path) -> None:
    """As whoever has any key can do: the manifests and the signature are made to fit."""
    payload = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in (folder / "data").rglob("*") if p.is_file()
    }
    info = (folder / bag.INFO).read_text().split("\n")[:-1]
    labels = dict(line.split(": ", 1) for line in info if not line.startswith("Payload-Oxum"))
    tags = bag.tag_files(payload, labels)
    for name, data in tags.items():
        (folder / name).write_bytes(data)
    forger = operator_key(Operator("Somebody else"))
    (folder / bag.SIGNATURE).write_bytes(sign_bundle(tags[bag.TAG_MANIFEST], forger))
