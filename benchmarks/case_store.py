"""How fast a case of a million templates is written, opened, loaded and searched, and what memory that takes.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/case_store.py --data ../shared/data/faces

The templates are those of ``benchmarks/search.py``, which says how they are made; ``--folder`` keeps them, and the
case, for another run. The case is written slice by slice, one transaction each, as indexing does it, without
pictures. Each figure is taken in a process of its own, whose largest memory (VmHWM) is printed with it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from search import COMPARISON, EXHIBIT, FACES, PLAIN, FileGallery, make_files, peak, probes_of, search

from retrofr.case.exhibits import put_exhibit, put_recipe
from retrofr.case.reading import template_count
from retrofr.case.store import Case, create_case, open_case
from retrofr.case.verifying import verify_case
from retrofr.case.writing import commit_slice, open_stream
from retrofr.case_gallery import CaseGallery
from retrofr.case_search import load_gallery, recipe_for
from retrofr.case_selection import CaseSelection, select
from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.recipe import recipe_of
from retrofr.records import Face, Floats, FrameRef, Tracklet
from retrofr.scoring import build_scorer
from retrofr.settings import Settings
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume

SLICE_TRACKLETS = 500
PROGRESS = StreamProgress(CoverageFacts(), FaceCounts(), Resume(0, None, 0, 0))


def write(folder: Path) -> None:
    """The case is written."""
    gallery = FileGallery(folder / "gallery.f32")
    create_case(folder / "case", name="benchmark").close()
    started = time.perf_counter()
    with open_case(folder / "case", write=True) as case:
        recipe = recipe_of(Settings(), build_scorer(COMPARISON, {}))
        put_recipe(case, recipe)
        exhibit = put_exhibit(case, EXHIBIT, hash_check=None, notices=())
        stream = open_stream(case, exhibit, recipe.key, 0, {})
        for number, items in enumerate(_slices(gallery)):
            commit_slice(case, stream.id, IndexedSlice(number, items, PROGRESS))
    seconds = time.perf_counter() - started
    size = (folder / "case" / "case.db").stat().st_size
    print(f"  {gallery.size:,} tracklets in {seconds:.0f} s, {size / 2**20:,.0f} MiB")


def _slices(gallery: FileGallery) -> Iterator[tuple[IndexedTracklet, ...]]:
    number = 0
    for block in gallery.blocks():
        templates = block.templates.reshape(len(block.tracklets), FACES, -1)
        for start in range(0, len(templates), SLICE_TRACKLETS):
            own = templates[start : start + SLICE_TRACKLETS]
            yield tuple(IndexedTracklet(_tracklet(number, n, each)) for n, each in enumerate(own))
            number += 1


def _tracklet(slice_number: int, number: int, templates: Floats) -> Tracklet:
    at = Fraction((slice_number * SLICE_TRACKLETS + number) * 10)
    frame = FrameRef(0, 0, int(at), None, Fraction(1, 25), at, at + 1, "assumed rate")
    face = Face(frame, np.zeros(4, np.float32), np.zeros((5, 2), np.float32), 0.9, PLAIN)
    faces = (face,) * FACES
    return Tracklet(EXHIBIT, number + 1, frame, frame, FACES, faces, templates, slice=slice_number)


def resident(folder: Path) -> None:
    """The case is opened and loaded once, then searched again and again."""
    started = time.perf_counter()
    with open_case(folder / "case") as case:
        opened = time.perf_counter() - started
        cpu, began = time.process_time(), time.perf_counter()
        gallery = load_gallery(case)
        print(
            f"  opening {opened:.3f} s; loading {gallery.templates:,} templates {time.perf_counter() - began:.2f} s "
            f"({time.process_time() - cpu:.1f} s of processor time), {gallery.size_bytes / 2**20:,.0f} MiB"
        )
        for count, top in ((1, 0), (10, 0), (10, 0), (10, 20), (100, 0)):
            _tell(f"{count} probes, top {top}", *search(gallery, probes_of(folder, count), top=top))


def once(folder: Path) -> None:
    """One search that reads the case from beginning to end, as one run of the command line does."""
    with open_case(folder / "case") as case:
        for count, top in ((1, 0), (10, 0), (10, 20)):
            _tell(f"{count} probes, top {top}", *search(_gallery(case), probes_of(folder, count), top=top))


def many(folder: Path) -> None:
    """A list of 5,000 persons in one run."""
    with open_case(folder / "case") as case:
        _tell("5,000 probes, top 0", *search(_gallery(case), probes_of(folder, 5000), top=0))


def verify(folder: Path) -> None:
    """Every page is read and every table checked."""
    with open_case(folder / "case") as case:
        started = time.perf_counter()
        verified = verify_case(case)
        print(f"  {verified.pages:,} pages in {time.perf_counter() - started:.1f} s")
        print(f"  {template_count(case, recipe_for(case, None).key):,} templates")


def _gallery(case: Case) -> CaseGallery:
    recipe = recipe_for(case, None)
    return CaseGallery(case, recipe.key, select(case, recipe.key, CaseSelection()).tracklets)


def _tell(label: str, seconds: float, cpu: float, running: object) -> None:
    hits, below = running.found()  # type: ignore[attr-defined]
    print(
        f"  {label}: {seconds:.2f} s ({cpu:.1f} s of processor time); {len(hits):,} hits, {len(below):,} below",
        flush=True,
    )


PARTS = {"write": write, "resident": resident, "once": once, "many": many, "verify": verify}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with index.tsv and the photos")
    parser.add_argument("--templates", type=int, default=1_000_000, help="size of the case")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--folder", type=Path, help="keep what is made here and use it again")
    parser.add_argument("--measure", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(f"{options.measure}: {PARTS[options.measure].__doc__}", flush=True)
        PARTS[options.measure](options.folder)
        print(f"  largest memory: {peak()}", flush=True)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "gallery.f32").exists():
            make_files(options.data, folder, options.templates // FACES, 5000)
        keys = os.environ | {"RETROFR_KEYS": str(folder / "keys")}
        for name in options.parts:
            command = [sys.executable, __file__, "--measure", name, "--folder", str(folder)]
            subprocess.run(command, check=True, env=keys)


if __name__ == "__main__":
    main()
