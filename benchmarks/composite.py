"""Search the composite test clip for its eight enrolled people and hold every hit against the truth.

    python benchmarks/composite.py --data ../shared/data/clips/composite

The clip is 25 labelled scenes of people and 13 without, spliced; each probe picture comes from another
recording than any scene. Prints a row per scene in which an enrolled person is on screen, every hit on anybody
else, and how far the weakest true scene lies above the strongest false candidate. Exits 1 where a scene was
missed or a hit fell on anybody else.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import retrofr
from retrofr.results import Appearance
from retrofr.settings import Settings


@dataclass(frozen=True)
class Scene:
    """A stretch of the clip and the enrolled people in it; ``bystander`` where an unlabelled person is too."""

    start_seconds: float
    end_seconds: float
    people: frozenset[str]
    source: str


def read_truth(path: Path) -> list[Scene]:
    """The scenes of a ground_truth.tsv, in order."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Scene(
            float(row["start_s"]),
            float(row["end_s"]),
            frozenset(row["identities_on_screen"].split(",")),
            row["source"],
        )
        for row in rows
    ]


def scene_at(scenes: list[Scene], seconds: float) -> Scene:
    """The scene on screen at a time."""
    return next(s for s in reversed(scenes) if s.start_seconds <= seconds + 1e-3)


def score_scenes(
    found: tuple[Appearance, ...], scenes: list[Scene]
) -> tuple[dict[tuple[str, float], float], list[Appearance]]:
    """Best score of each (person, scene start) pair, and the appearances on anybody else."""
    true: dict[tuple[str, float], float] = {}
    false: list[Appearance] = []
    for appearance in found:
        scene = scene_at(scenes, float(appearance.best_seconds))
        if appearance.probe in scene.people:
            key = (appearance.probe, scene.start_seconds)
            true[key] = max(appearance.score, true.get(key, -1e9))
        elif "(X)" not in scene.people:
            false.append(appearance)
    return true, false


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with composite.mp4 and its truth")
    parser.add_argument("--rate", type=float, default=None, help="samples a second (default: retrofr's)")
    parser.add_argument("--embedder", default=None, help="embedder (default: retrofr's)")
    parser.add_argument("--detector", default=None, help="detector (default: retrofr's)")
    arguments = parser.parse_args()
    chosen: dict[str, dict[str, object]] = {"search": {"top": 200, "join_gap_seconds": 0.0}}
    for stage, name in (("sampling", "rate"), ("embed", "embedder"), ("detect", "detector")):
        if getattr(arguments, name) is not None:
            chosen.setdefault(stage, {})[name] = getattr(arguments, name)
    probes = sorted((arguments.data / "enrol").glob("*.png"))
    started = time.perf_counter()
    result = retrofr.search(
        [arguments.data / "composite.mp4"], probes, settings=Settings.from_mapping(chosen)
    )
    elapsed = time.perf_counter() - started
    return report(result, read_truth(arguments.data / "ground_truth.tsv"), {p.stem for p in probes}, elapsed)


def report(result: retrofr.SearchResult, scenes: list[Scene], enrolled: set[str], elapsed: float) -> int:
    """Print what was found and give the exit code."""
    true, _ = score_scenes(result.hits + result.candidates, scenes)
    _, false_hits = score_scenes(result.hits, scenes)
    _, false_candidates = score_scenes(result.candidates, scenes)
    wanted = [(p, s) for s in scenes for p in sorted(s.people & enrolled)]
    missed = 0
    for person, scene in wanted:
        score = true.get((person, scene.start_seconds))
        found = score is not None and score >= result.threshold
        missed += not found
        shown = "no candidate" if score is None else f"{score:.3f}"
        print(
            f"{person:3} {scene.start_seconds:7.3f} s  {shown:>12}  {'hit' if found else 'MISSED'}  {scene.source}"
        )
    for hit in false_hits:
        scene = scene_at(scenes, float(hit.best_seconds))
        print(
            f"FALSE HIT {hit.probe} at {float(hit.best_seconds):.3f} s ({scene.source}), score {hit.score:.3f}"
        )
    weakest = min((true.get((p, s.start_seconds), -1e9) for p, s in wanted), default=float("nan"))
    strongest = max((a.score for a in [*false_hits, *false_candidates]), default=float("nan"))
    print(
        f"{len(wanted) - missed} of {len(wanted)} scenes found, {len(false_hits)} hits on anybody else, "
        f"threshold {result.threshold:g}"
    )
    print(f"weakest true scene {weakest:.3f}, strongest false candidate {strongest:.3f}, {elapsed:.1f} s")
    return int(missed > 0 or bool(false_hits))


if __name__ == "__main__":
    sys.exit(main())
