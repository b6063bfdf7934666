"""How fast a search over a large gallery is, what memory it takes, and from where on annoy is the faster way.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/search.py --data ../shared/data/faces

The gallery is made from real embeddings, not from noise: all photos of the labelled people are embedded, and a
synthetic person is the mean of all people plus the real people's deviations from it, mixed with random weights whose
squares add up to 1, so that people lie as far apart as real ones. (Mixes of only two or three of so few people make
far too many of them alike.) Each tracklet, and each face, is moved away from its person by two or three real photos'
deviations from their own person's mean, mixed in the same way: two thirds of the variance are common to a tracklet,
one third is a face's own. A probe is one more photo of a person of the gallery. Printed first is how far that goes:
the scores of made pairs beside those of real ones.

Each figure is taken in a process of its own, whose largest memory (VmHWM) is printed with it. The gallery lies in a
file of templates that is read in blocks.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from faces import _embed

from retrofr.clock import NO_CLOCK, WallClock
from retrofr.comparison import build_comparison
from retrofr.gallery.base import Gallery, Ids, TemplateBlock
from retrofr.gallery.gallery_index import IndexedGallery, build_index, measure
from retrofr.gallery.resident import ResidentGallery
from retrofr.gallery.saved_index import load_index, saved
from retrofr.gallery.scan import Reach
from retrofr.indexes import annoy, exact
from retrofr.records import Exhibit, Face, Floats, FrameRef, Probe, ProbeImage, Quality, Still, Tracklet
from retrofr.runtime import resolve_device
from retrofr.scoring import build_scorer
from retrofr.searching import Search
from retrofr.settings import SearchSettings

COMPARISON = "sface+dlib-resnet"
FACES = 5
PERSON_TRACKLETS = 10
BLOCK_TRACKLETS = 13_107
COMMON = 2 / 3
WIDTHS = (128, 128)
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PICTURES = (1, 10, 100, 1000)
PLAIN = Quality(40.0, 0.8, 0.5, 0.2, 0.1, 0.1, 0.0, False, (), (), 0.5)
EXHIBIT = Exhibit(Path("made"), "made", "00" * 32, 0, "none", (), WallClock(NO_CLOCK))


class FileGallery:
    """Tracklets of FACES faces each; templates lie in a file of float32, tracklet after tracklet."""

    def __init__(self, path: Path, tracklets: int | None = None) -> None:
        self.path = path
        self.dimensions = sum(WIDTHS)
        self.row_bytes = FACES * self.dimensions * 4
        self.size = tracklets or path.stat().st_size // self.row_bytes

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        ids = np.arange(self.size) if only is None else np.sort(only)
        with self.path.open("rb") as file:
            for start in range(0, len(ids), BLOCK_TRACKLETS):
                own = ids[start : start + BLOCK_TRACKLETS]
                templates = np.empty((len(own), FACES, self.dimensions), np.float32)
                if only is None:
                    file.seek(int(own[0]) * self.row_bytes)
                    file.readinto(memoryview(templates).cast("B"))
                else:
                    for place, number in enumerate(own.tolist()):
                        file.seek(number * self.row_bytes)
                        file.readinto(memoryview(templates[place]).cast("B"))
                yield TemplateBlock(own, np.full(len(own), FACES), templates.reshape(-1, self.dimensions))

    def tracklet(self, tracklet_id: int) -> Tracklet:
        (block,) = self.blocks(np.array([tracklet_id]))
        at = Fraction(tracklet_id * 10)
        frame = FrameRef(0, 0, tracklet_id, None, Fraction(1, 25), at, at + 1, "assumed rate")
        face = Face(frame, np.zeros(4, np.float32), np.zeros((5, 2), np.float32), 0.9, PLAIN)
        return Tracklet(EXHIBIT, 1, frame, frame, FACES, (face,) * FACES, block.templates)

    def still(self, tracklet_id: int, face: int) -> Still | None:  # noqa: ARG002
        return None

    def person(self, tracklet_id: int) -> int | None:  # noqa: ARG002
        return None


# ---- what is made --------------------------------------------------------------------------------------------


def embed_photos(data: Path) -> tuple[Floats, Ids]:
    """Templates of all photos in which a face was found, each part of a template that needs it at length 1."""
    rows = list(csv.DictReader((data / "index.tsv").open(encoding="utf-8"), delimiter="\t"))
    names = sorted({row["identity"] for row in rows})
    device = resolve_device("cpu")
    comparison = build_comparison(COMPARISON, {}, device)
    templates, found, _ = _embed(data, [row["file"] for row in rows], "yunet", comparison, device)
    parts, start = [], 0
    for part in comparison.embedders:
        parts.append(part.index_vectors(templates[:, start : start + part.dimensions]))
        start += part.dimensions
    people = np.array([names.index(row["identity"]) for row in rows])
    return np.concatenate(parts, axis=1)[found], people[found]


class Maker:
    """Makes people and faces from real ones, as the module says."""

    def __init__(self, templates: Floats, people: Ids) -> None:
        numbers = np.unique(people)
        means = np.stack([templates[people == n].mean(axis=0) for n in numbers])
        self.middle = means.mean(axis=0)
        self.between = means - self.middle
        self.within = np.concatenate(
            [
                # Deviations from the mean of n photos are too small by (n - 1) / n in variance.
                (templates[people == n] - mean) * np.sqrt(len(own) / max(1, len(own) - 1))
                for n, mean in zip(numbers, means, strict=True)
                if len(own := np.flatnonzero(people == n)) > 1
            ]
        )
        self.random = np.random.default_rng(0)

    def mixed(self, rows: Floats, count: int, most: int) -> Floats:
        """(count, D) float32: two to ``most`` rows each, with weights whose squares add up to 1."""
        weights = self.random.normal(size=(count, most)).astype(np.float32)
        weights[:, 2:] *= self.random.integers(0, 2, (count, most - 2))
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        chosen = self.random.integers(0, len(rows), (count, most))
        made = np.zeros((count, rows.shape[1]), np.float32)
        for n in range(most):
            made += weights[:, n, None] * rows[chosen[:, n]]
        return made

    def people(self, count: int) -> Floats:
        """(count, D): the middles of so many people."""
        weights = self.random.normal(size=(count, len(self.between))).astype(np.float32)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        return np.asarray(self.middle + weights @ self.between, np.float32)

    def tracklets(self, middles: Floats) -> Floats:
        """(N, FACES, D): the faces of one tracklet of each of these people."""
        common = self.mixed(self.within, len(middles), 3) * np.float32(np.sqrt(COMMON))
        own = self.mixed(self.within, len(middles) * FACES, 3) * np.float32(np.sqrt(1 - COMMON))
        return np.asarray((middles + common)[:, None] + own.reshape(len(middles), FACES, -1), np.float32)

    def photos(self, middles: Floats) -> Floats:
        """(N, D): another photo of each of these people."""
        return np.asarray(middles + self.mixed(self.within, len(middles), 3), np.float32)


def make_files(data: Path, folder: Path, tracklets: int, probes: int) -> None:
    """Write the gallery and the probes' templates, and say how like real pairs the made ones are."""
    photos = folder / "photos.npz"
    if not photos.exists():
        templates, people = embed_photos(data)
        np.savez(photos, templates=templates, people=people)
    loaded = np.load(photos)
    templates, people = loaded["templates"], loaded["people"]
    maker = Maker(templates, people)
    middles = maker.people(max(probes, tracklets // PERSON_TRACKLETS))
    owners = maker.random.integers(0, len(middles), tracklets)
    with (folder / "gallery.f32").open("wb") as file:
        for start in range(0, tracklets, BLOCK_TRACKLETS):
            maker.tracklets(middles[owners[start : start + BLOCK_TRACKLETS]]).tofile(file)
    np.save(folder / "probes.npy", maker.photos(middles[:probes]))
    scorer = build_scorer(COMPARISON, {})
    same = people[:, None] == people
    upper = np.triu(np.ones_like(same), 1)
    real = scorer.compare(templates, templates)
    one, other = maker.photos(middles[:2000]), maker.photos(middles[:2000])
    made = scorer.compare(one, other)
    for name, mated, rest in (
        ("real", real[same & upper], real[~same & upper]),
        ("made", made.diagonal(), made[np.triu(np.ones_like(made, bool), 1)]),
    ):
        reach = scorer.default_threshold or 0.0
        print(
            f"{name} pairs: of one person {mated.mean():.2f} ± {mated.std():.2f}, {(mated >= reach).mean():.3f} at "
            f"or above {reach}; of two {rest.mean():.2f} ± {rest.std():.2f}, {(rest >= reach).mean():.1e}"
        )


# ---- what is measured, each in a process of its own ----------------------------------------------------------


def probes_of(folder: Path, count: int) -> list[Probe]:
    """The first probes, one picture each."""
    templates = np.load(folder / "probes.npy")[:count]
    box = np.zeros(4, np.float32)
    return [
        Probe(f"p{n}", (ProbeImage(Path("p.jpg"), "00", box, PLAIN, template),))
        for n, template in enumerate(templates)
    ]


def peak() -> str:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return f"{kilobytes / 1024:,.0f} MiB"


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def search(gallery: Gallery, probes: list[Probe], **chosen: object) -> tuple[float, float, Search]:
    """One search from its beginning to its ranked appearances: seconds, processor seconds, and the search."""
    started, cpu = time.perf_counter(), time.process_time()
    running = Search(probes, build_scorer(COMPARISON, {}), SearchSettings.from_mapping(chosen), {})
    running.look_through(gallery)
    running.appearances()
    return time.perf_counter() - started, time.process_time() - cpu, running


def told(label: str, seconds: float, cpu: float, running: Search) -> None:
    """Print one search's figures."""
    hits, below = running.found()
    print(
        f"  {label}: {seconds:.2f} s ({cpu:.1f} s of processor time); {len(hits):,} hits, {len(below):,} below",
        flush=True,
    )


def measure_stream(gallery: Gallery, folder: Path) -> None:
    """One search that reads every template, as one run of the command line does."""
    for count, top in ((1, 0), (10, 0), (10, 20)):
        told(
            f"{count} probes, top {top}, read and compared",
            *search(gallery, probes_of(folder, count), top=top),
        )


def measure_resident(gallery: Gallery, folder: Path) -> None:
    """Vectors are loaded once, and searched again and again."""
    scorer = build_scorer(COMPARISON, {})
    started, cpu = time.perf_counter(), time.process_time()
    resident = ResidentGallery(gallery, scorer)
    print(
        f"  loading {resident.templates:,} templates: {time.perf_counter() - started:.2f} s "
        f"({time.process_time() - cpu:.1f} s of processor time), {resident.size_bytes / 2**20:,.0f} MiB of vectors"
    )
    for count, top in ((1, 0), (10, 0), (10, 0), (10, 20), (100, 0)):
        told(f"{count} probes, top {top}", *search(resident, probes_of(folder, count), top=top))


def measure_many(gallery: Gallery, folder: Path) -> None:
    """Thousands of probes in one run, read and compared."""
    for top in (0, 10):
        told(f"5,000 probes, top {top}", *search(gallery, probes_of(folder, 5000), top=top))


def measure_annoy(gallery: Gallery, folder: Path) -> None:
    """Annoy over the gallery: built, saved, loaded, asked."""
    scorer = build_scorer(COMPARISON, {})
    reach = float(Reach(scorer, probes_of(folder, 1)[0].templates[0]).of(scorer.default_threshold))
    started = time.perf_counter()
    built = build_index(gallery, scorer, annoy.Settings(), reach)
    print(f"  building and measuring: {time.perf_counter() - started:.0f} s")
    _tell_recall(built)
    started = time.perf_counter()
    pieces = list(saved(built))
    size = sum(map(len, pieces))
    print(f"  saving: {time.perf_counter() - started:.1f} s, {size / 2**20:,.0f} MiB; memory so far {peak()}")
    del built
    started = time.perf_counter()
    indexed = load_index(gallery, annoy.Settings(), iter(pieces))
    print(f"  loading: {time.perf_counter() - started:.1f} s")
    del pieces
    # Trusted, also where its recall would make a search fall back: this is about its speed and what it finds.
    trusted = replace(indexed, measured=replace(indexed.measured, recall=1.0))
    for count in (1, 10, 100):
        told(f"{count} probes", *search(trusted, probes_of(folder, count), index="annoy"))
    for top in (0, 10):
        _tell_recall(measure(indexed, scorer, reach, top))


def _tell_recall(indexed: IndexedGallery) -> None:
    found = indexed.measured
    share = "not measurable" if found.recall is None else f"{found.recall:.4f}"
    print(
        f"  recall {share} of the tracklets within reach of the default threshold"
        f"{f' and the {found.neighbours} nearest' if found.neighbours else ''}, {found.queries} queries"
    )


def measure_crossover(gallery: FileGallery, folder: Path) -> None:
    """Seconds of a search once all is open: exact, and through annoy over the gallery."""
    scorer = build_scorer(COMPARISON, {})
    reach = float(Reach(scorer, probes_of(folder, 1)[0].templates[0]).of(scorer.default_threshold))
    print(f"  {'templates':>10} {'pictures':>9} {'exact':>8} {'annoy':>8}  recall of annoy")
    for size in SIZES:
        if size > gallery.size * FACES:
            break
        part = FileGallery(gallery.path, size // FACES)
        resident = ResidentGallery(part, scorer)
        indexed = build_index(part, scorer, annoy.Settings(), reach)
        for count in PICTURES:
            probes = probes_of(folder, count)
            plain = min(search(resident, probes, index="exact")[0] for _ in range(2))
            quick = _through(indexed, probes)
            recall = "-" if indexed.measured.recall is None else f"{indexed.measured.recall:.4f}"
            print(f"  {size:>10,} {count:>9,} {plain:>7.3f}s {quick:>7.3f}s  {recall}", flush=True)


def _through(indexed: IndexedGallery, probes: list[Probe]) -> float:
    """Seconds of a search through annoy, also where its recall would keep a search from using it."""
    trusted = replace(indexed, measured=replace(indexed.measured, recall=1.0))
    return min(search(trusted, probes, index="annoy")[0] for _ in range(2))


def measure_probes(gallery: FileGallery, folder: Path) -> None:  # noqa: ARG001
    """An index over the probes' pictures: microseconds a face, exact and through annoy."""
    block = next(FileGallery(gallery.path, 400).blocks())
    scorer = build_scorer(COMPARISON, {})
    faces = scorer.index_vectors(block.templates)
    reach = float(Reach(scorer, block.templates[0]).of(scorer.default_threshold))
    pool = next(iter(FileGallery(gallery.path).blocks())).templates
    print(f"  {'pictures':>10} {'exact':>10} {'annoy':>10}  building annoy")
    for count in (1000, 5000, 50_000):
        vectors = scorer.index_vectors(pool[:count])
        started = time.perf_counter()
        trees = annoy.build(annoy.Settings(), vectors)
        built = time.perf_counter() - started
        far = np.full(len(faces), reach)
        times = [
            timed(partial(index.within, faces, far)) / len(faces) * 1e6
            for index in (exact.build(exact.Settings(), vectors), trees)
        ]
        print(f"  {count:>10,} {times[0]:>7.0f} µs {times[1]:>7.0f} µs  {built:.1f} s", flush=True)


PARTS = {
    "stream": measure_stream,
    "resident": measure_resident,
    "many": measure_many,
    "annoy": measure_annoy,
    "crossover": measure_crossover,
    "probes": measure_probes,
}


def main() -> None:
    options = _options()
    if options.measure:
        part = PARTS[options.measure]
        print(f"{options.measure}: {(part.__doc__ or '').strip()}", flush=True)
        part(FileGallery(options.folder / "gallery.f32"), options.folder)
        print(f"  largest memory: {peak()}", flush=True)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "gallery.f32").exists():
            make_files(options.data, folder, options.templates // FACES, 5000)
        for name in options.parts:
            command = [sys.executable, __file__, "--measure", name, "--folder", str(folder)]
            subprocess.run(command, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with index.tsv and the photos")
    parser.add_argument("--templates", type=int, default=1_000_000, help="size of the gallery")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--folder", type=Path, help="keep what is made here and use it again")
    parser.add_argument("--measure", choices=PARTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
