"""How well tracklets are clustered into persons, and how fast.

    python benchmarks/people.py --photos ../shared/data/faces --composite ../shared/data/clips/composite
    python benchmarks/people.py --photos ../shared/data/faces --tracklets 100000
    python benchmarks/people.py --photos ../shared/data/faces --sweep

Printed are B-cubed precision, recall and F: of each tracklet the share of its cluster that is the same person, and
the share of the person that is in its cluster, averaged over tracklets (Bagga and Baldwin, 1998).

Photos: a folder with ``index.tsv`` (file, identity); each photo is a tracklet of one face, chosen as
``benchmarks/faces.py`` does. The people are halved by number: the threshold was chosen on the first half (``--sweep``
looks at nothing else), and figures are printed for the second half and for all.

Composite: the clip is indexed into a case and clustered there. A tracklet's person is the one of the scene it lies in;
where a scene has several, they stand from left to right in the order of ``identities_on_screen``. Unlabelled
bystanders, marked (X), are counted as nobody.

Tracklets (``--tracklets N``): made from the photos. A person's mean template is the mean of all people plus a mix of
eight real people's differences from it, with random weights whose squares add up to 1, so that means spread as real
ones do. A tracklet is that mean plus such a mix of eight real photos' differences from their own person's mean, and
each of its three faces differs from it by 0.4 of another such mix. How many tracklets people have follows a Zipf law
(exponent 1.8, at most 2,000). Photos that are far from the rest of their person, as wrong labels are, are not used.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from composite import read_truth, scene_at
from faces import _embed

from retrofr.case.gathering import gather
from retrofr.case.keys import KeyStore
from retrofr.case.reading import stored_tracklet
from retrofr.case.store import create_case
from retrofr.clustering import cluster
from retrofr.comparison import build_comparison
from retrofr.gallery.base import TemplateBlock
from retrofr.people import cluster_case, people_threshold
from retrofr.rates.clusters import bcubed
from retrofr.recipe import scorer_of
from retrofr.records import Floats, Tracklet
from retrofr.runtime import resolve_device
from retrofr.scoring import Scorer, build_scorer
from retrofr.settings import PeopleSettings

Ids = npt.NDArray[np.int64]
FACES_EACH, MIXED, SHAKE = 3, 8, 0.4
ZIPF, MOST_EACH = 1.8, 2000
BLOCK = 20_000
SWEEP_TRACKLETS = 20_000
SWEEP = {
    "sface+dlib-resnet": (2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0),
    "sface": (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
    "dlib-resnet": (0.39, 0.42, 0.45, 0.48, 0.5, 0.52),
}


@dataclass(frozen=True, eq=False)
class Photos:
    """Templates (N, D) of photos and their people (N,)."""

    templates: Floats
    people: Ids

    def half(self, number: int) -> Photos:
        """The photos of every other person."""
        wanted = self.people % 2 == number
        return Photos(self.templates[wanted], self.people[wanted])


def main() -> None:
    options = _options()
    if options.photos is None:
        photos = None
    else:
        photos = _read_photos(options.photos, options.device)
    if options.sweep:
        assert photos is not None
        _sweep(photos.half(0))
        return
    scorer = build_scorer("sface+dlib-resnet", {})
    threshold = people_threshold(PeopleSettings(), scorer)
    print(f"threshold {threshold.score:g} ({threshold.source})")
    if photos is not None:
        for name, part in (("second half of the people", photos.half(1)), ("all photos", photos)):
            labels = _cluster(_blocks(part.templates, 1), scorer, threshold.score)
            _tell(
                f"{name}: {len(part.people)} photos, {len(np.unique(part.people))} people",
                labels,
                part.people,
            )
    if options.composite is not None:
        _composite(options.composite)
    if options.tracklets:
        assert photos is not None
        _scale(photos, options.tracklets, scorer, threshold.score)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="folder with index.tsv and the photos")
    parser.add_argument("--composite", type=Path, help="folder with composite.mp4 and its truth")
    parser.add_argument("--tracklets", type=int, default=0, help="also cluster so many made ones")
    parser.add_argument("--sweep", action="store_true", help="thresholds on the first half of the people")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.photos is None and (options.tracklets or options.sweep or options.composite is None):
        parser.error("--photos is needed")
    return options


def _read_photos(folder: Path, device: str) -> Photos:
    with (folder / "index.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    on = resolve_device(device)
    comparison = build_comparison("sface+dlib-resnet", {}, on)
    templates, found, _ = _embed(folder, [row["file"] for row in rows], "yunet", comparison, on)
    people = np.unique([row["identity"] for row in rows], return_inverse=True)[1]
    return Photos(templates[found], people[found].astype(np.int64))


def _blocks(templates: Floats, each: int) -> Iterator[TemplateBlock]:
    count = len(templates) // each
    for start in range(0, count, BLOCK):
        ids = np.arange(start, min(start + BLOCK, count))
        yield TemplateBlock(ids, np.full(len(ids), each), templates[start * each : (start + len(ids)) * each])


def _cluster(blocks: Iterator[TemplateBlock], scorer: Scorer, threshold: float) -> Ids:
    read = gather(blocks, scorer)
    return cluster(read.points, read.curve.squared_at(threshold), neighbours=PeopleSettings().neighbours)


def _tell(what: str, labels: Ids, people: Ids) -> None:
    found = bcubed(labels, people)
    clusters = int(labels.max()) + 1
    print(
        f"{what}: precision {found.precision:.3f}, recall {found.recall:.3f}, F {found.f:.3f}, {clusters:,} clusters",
        flush=True,
    )


def _sweep(photos: Photos) -> None:
    """Photos of the first half, and tracklets made from them, at each threshold of each embedder."""
    made, people = _made(photos, SWEEP_TRACKLETS)
    columns = {"sface+dlib-resnet": slice(None), "sface": slice(0, 128), "dlib-resnet": slice(128, 256)}
    for name, thresholds in SWEEP.items():
        scorer = build_scorer(name, {})
        few, many = (np.ascontiguousarray(t[:, columns[name]]) for t in (photos.templates, made))
        for threshold in thresholds:
            found = bcubed(_cluster(_blocks(few, 1), scorer, threshold), photos.people)
            large = bcubed(_cluster(_blocks(many, FACES_EACH), scorer, threshold), people)
            print(
                f"{name} {threshold:g}: photos P {found.precision:.3f} R {found.recall:.3f} F {found.f:.3f}, "
                f"made P {large.precision:.3f} R {large.recall:.3f} F {large.f:.3f}, "
                f"mean F {(found.f + large.f) / 2:.3f}",
                flush=True,
            )


def _made(photos: Photos, count: int) -> tuple[Floats, Ids]:
    """Templates (count × FACES_EACH, D) of tracklets made from photos, and their people (count,)."""
    random = np.random.default_rng(0)
    centres, rest = _parts(photos)
    sizes = np.minimum(random.zipf(ZIPF, count), MOST_EACH)
    people = random.permutation(np.repeat(np.arange(count), sizes)[:count])
    means = centres.mean(axis=0) + _mixes(random, centres - centres.mean(axis=0), int(people.max()) + 1)
    templates = np.empty((count * FACES_EACH, photos.templates.shape[1]), np.float32)
    for start in range(0, count, BLOCK):
        chosen = people[start : start + BLOCK]
        tracklets = np.repeat(means[chosen] + _mixes(random, rest, len(chosen)), FACES_EACH, axis=0)
        shaken = tracklets + SHAKE * _mixes(random, rest, len(tracklets))
        templates[start * FACES_EACH : start * FACES_EACH + len(shaken)] = shaken
    return templates, np.unique(people, return_inverse=True)[1].astype(np.int64)


def _parts(photos: Photos) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean of each person, and what photos differ from it; without photos far from the rest of their person."""
    scorer = build_scorer("sface+dlib-resnet", {})
    centres, rest = [], []
    for person in np.unique(photos.people):
        own = photos.templates[photos.people == person]
        own = own[np.median(scorer.compare(own, own), axis=1) > 2].astype(np.float64)
        if len(own) > 1:
            centres.append(own.mean(axis=0))
            rest.append((own - own.mean(axis=0)) * np.sqrt(len(own) / (len(own) - 1)))
    return np.stack(centres), np.concatenate(rest)


def _mixes(
    random: np.random.Generator, parts: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    weights = random.standard_normal((count, MIXED))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    chosen = random.integers(0, len(parts), (count, MIXED))
    return np.sum([weights[:, i, None] * parts[chosen[:, i]] for i in range(MIXED)], axis=0)


def _scale(photos: Photos, count: int, scorer: Scorer, threshold: float) -> None:
    templates, people = _made(photos, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    read = gather(_blocks(templates, FACES_EACH), scorer)
    gathered = time.perf_counter() - started
    labels = cluster(read.points, read.curve.squared_at(threshold), neighbours=PeopleSettings().neighbours)
    elapsed = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _tell(f"{count:,} made tracklets of {int(people.max()) + 1:,} people", labels, people)
    print(
        f"{elapsed:.0f} s ({gathered:.0f} s of it to read templates); peak memory of the process {peak / 1e6:.2f} GB, "
        f"{before / 1e6:.2f} GB before, with the made templates in it"
    )


def _composite(folder: Path) -> None:
    from retrofr.indexing import index

    scenes = read_truth(folder / "ground_truth.tsv")
    names = _names(folder / "ground_truth.tsv")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        with create_case(place / "case", keys=KeyStore(place / "keys")) as case:
            recipe = index([folder / "composite.mp4"], case).recipe
            found = cluster_case(case, recipe, scorer_of(recipe), PeopleSettings())
            tracklets = [stored_tracklet(case, tracklet) for tracklet in found.tracklets.tolist()]
    labels, people = [], []
    for tracklet, number in zip(tracklets, found.numbers.tolist(), strict=True):
        scene = scene_at(scenes, float(tracklet.first.seconds))
        person = _person(tracklet, names[scene.start_seconds])
        if person is not None:
            labels.append(number)
            people.append(person)
    numbers = np.unique(labels, return_inverse=True)[1]
    persons = np.unique(people, return_inverse=True)[1]
    _tell(f"composite: {len(labels)} tracklets of {len(set(people))} people", numbers, persons)


def _names(truth: Path) -> dict[float, list[str]]:
    """Who is on screen, from left to right, by the start of the scene."""
    with truth.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {float(row["start_s"]): row["identities_on_screen"].split(",") for row in rows}


def _person(tracklet: Tracklet, names: list[str]) -> str | None:
    known = [name for name in names if name not in ("-", "(X)")]
    if not known:
        return None
    width = tracklet.exhibit.streams[0].width
    middle = float(tracklet.best[0].box[0] + tracklet.best[0].box[2]) / 2
    return known[min(int(middle / width * len(known)), len(known) - 1)]


if __name__ == "__main__":
    main()
