"""How fast `retrofr index` is: beside decoding alone, beside two recipes of others, and as footage grows.

    make bench
    python benchmarks/speed.py --data ../shared/data --work FOLDER [--quick] [--only PART...] [--json FILE]

Everything is measured in one run, in rounds in which all take turns, each in a process of its own: medians, with the
least and the most in parentheses. A ratio is taken within each round before its median is. Footage is made first
(see _footage.py) and kept in the work folder, so that the next run begins at once. docs/speed.md explains the tables
and holds the last ones.

Parts: busy, typical, empty, busy-4k and busy-d1 are clips; peers are facenet-pytorch's and face_recognition's
recipes on the busy clip; scaling is 1, 4 and 16 files with 1 and 2 workers; triage is keyframes alone of longer files;
long is one file of two hours.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _footage import KINDS, RATE, Clip, clip, cut, joined
from _found import Boxes, read_truth
from _results import Figure, Results
from _samples import HOW
from _tables import PEERS, document
from _tree import Run, run

HERE = Path(__file__).resolve().parent
CLIPS = tuple(KINDS)
PARTS = (*CLIPS, "peers", "scaling", "triage", "long")
WITH_ALL_SETTINGS = ("busy", "typical", "empty")
SMALLEST = 40
"""Pixels of the smallest face that is looked for, by all: about the least that face_recognition finds."""

SAMPLE_RATE = 2

BRIEF_HOW = ("needed", "keyframes")
"""Floors that are measured where only the ratios are wanted; beside them run the first setting and the last."""

FINISHED, REFUSED, WITH_GAPS = 0, 2, 10
"""Exit codes of `retrofr index`: the figures of the first and the last are good."""

QUICK = {
    "seconds": 30.0,
    "rounds": 1,
    "peer_every": 12,
    "piece_seconds": 10.0,
    "files": [1, 4],
    "triage_minutes": 1.0,
    "long_hours": 0.05,
}


@dataclass(frozen=True)
class Setting:
    """A way to run `retrofr index`: its flags, the smallest face that goes with them, and the floor beside it."""

    name: str
    flags: tuple[str, ...]
    smallest: int = SMALLEST
    floor: str = "needed"


def settings() -> tuple[Setting, ...]:
    """What is compared; the first is what ratios are about."""
    from retrofr.detectors.yunet import YuNetSettings

    default = YuNetSettings().min_face_pixels
    two, forty = ("--rate", str(SAMPLE_RATE)), ("--set", f"parts.yunet.min_face_pixels={SMALLEST}")
    return (
        Setting(f"{SMALLEST} px", (*two, *forty)),
        Setting(f"{SMALLEST} px, --no-gate", (*two, *forty, "--no-gate")),
        Setting(f"{default} px, the default", two, default),
        Setting(f"{SMALLEST} px, --rate keyframes", ("--rate", "keyframes", *forty), floor="keyframes"),
    )


class Bench:
    """Measures one thing after the other; ``results`` is what came of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.work = options, options.work
        self.results = Results()
        self.clips: dict[str, Clip] = {}

    def measure(self) -> None:
        """Make the footage, run all rounds, and look at what was found."""
        wanted = self.options.only or PARTS
        needed = [kind for kind in CLIPS if kind in wanted or kind in self._also(wanted)]
        for kind in needed:
            print(f"footage: {kind}", file=sys.stderr, flush=True)
            self.clips[kind] = clip(kind, self.options.seconds, self.options.data / "faces", self.work)
            self.results.truth[kind] = self.clips[kind].truth
            self.results.seconds[kind] = self.clips[kind].seconds
        self._warm_up(next(iter(self.clips.values())))
        for number in range(self.options.rounds):
            print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
            for kind in (kind for kind in CLIPS if kind in wanted):
                self._clip(kind)
            if "peers" in wanted:
                self._peers(number, alone="busy" not in wanted)
            if "scaling" in wanted:
                self._scaling()
            if "triage" in wanted:
                self._triage()
        if "long" in wanted:
            self._long()
        self._detect()

    def _warm_up(self, made: Clip) -> None:
        """What a first run does once for all later ones is done here: nets are converted, Python compiles."""
        short = cut(made, self.work / "warm-up.mp4", 0, 8.0)
        self._index("", "", [short], settings()[0].flags)
        del self.results.figures[""]

    @staticmethod
    def _also(wanted: Sequence[str]) -> set[str]:
        """Clips that other parts are made of."""
        long = {"typical", "busy", "empty"} if "long" in wanted else set()
        triage = {"typical", "empty"} if "triage" in wanted else set()
        return long | triage | ({"busy"} if {"peers", "scaling"} & set(wanted) else set())

    # ---- parts -----------------------------------------------------------------------------------------------

    def _clip(self, kind: str) -> None:
        for how in BRIEF_HOW if self.options.brief else HOW:
            self._floor(kind, how)
        chosen = settings() if kind in WITH_ALL_SETTINGS else settings()[:1]
        for setting in (chosen[0], chosen[-1]) if self.options.brief else chosen:
            self._index(kind, setting.name, [self.clips[kind].path], setting.flags, visits=True)

    def _floor(self, kind: str, how: str) -> None:
        done = self._child(HERE / "_samples.py", self.clips[kind].path, "--how", how, "--rate", SAMPLE_RATE)
        told = json.loads(done.stdout)
        self.results.add(kind, how, Figure(told["wall"], told["cpu"], done.peak_bytes, done.others, told))

    def _peers(self, number: int, *, alone: bool) -> None:
        if alone:
            self._floor("busy", "needed")
            first = settings()[0]
            self._index("busy", first.name, [self.clips["busy"].path], first.flags, visits=True)
        every = self.options.peer_every
        for name in PEERS:
            file = self.work / "found.json"
            done = self._child(
                *(HERE / "_peers.py", name, self.clips["busy"].path, "--rate", SAMPLE_RATE, "--found", file),
                *("--min-face", SMALLEST, "--every", every, "--first", number * every // self.options.rounds),
                may_fail=True,
            )
            if done.exit_code:
                self.results.skipped[name] = _reason(done.stderr)
                continue
            told = json.loads(done.stdout)
            times = told["samples"] / told["looked"]
            wall, cpu = (told[f"decode_{kind}"] + told[f"look_{kind}"] * times for kind in ("wall", "cpu"))
            self.results.add("busy", name, Figure(wall, cpu, done.peak_bytes, done.others, told))
            self.results.found.setdefault("busy", {}).setdefault(name, {}).update(_boxes(file))

    def _scaling(self) -> None:
        seconds = self.options.piece_seconds
        files = []
        for number in range(max(self.options.files)):
            # Each begins elsewhere, so that no two are the same recording by their digest.
            path = self.work / f"piece-{seconds:g}s-{self.clips['busy'].path.stem}-{number}.mp4"
            files.append(path if path.exists() else cut(self.clips["busy"], path, number * 14, seconds))
        flags = settings()[0].flags
        for workers in (1, 2):
            for count in self.options.files:
                way = f"{count} × {seconds:g} s, workers={workers}"
                self.results.seconds[way] = count * seconds
                self._index("scaling", way, files[:count], (*flags, "--workers", str(workers)))

    def _triage(self) -> None:
        minutes = self.options.triage_minutes
        for kind in ("typical", "empty"):
            made = self.clips[kind]
            path = joined([made], self.work / f"triage-{minutes:g}min-{made.path.name}", minutes * 60)
            way = f"{kind}, {minutes:g} min in one file"
            self.results.seconds[way] = minutes * 60
            self._index("triage", way, [path], settings()[-1].flags)

    def _long(self) -> None:
        seconds = self.options.long_hours * 3600
        order = [self.clips[kind] for kind in ("typical", "busy", "typical", "empty")]
        path = joined(order, self.work / f"long-{seconds:g}s-{self.clips['busy'].path.stem}.mp4", seconds)
        with_length = f"{self.options.long_hours:g} h in one file"
        self.results.seconds[with_length] = seconds
        self._index("long", with_length, [path], settings()[0].flags)

    def _detect(self) -> None:
        """Which faces the detector finds on the samples of each setting that was measured; takes no part in times."""
        for kind in (kind for kind in CLIPS if kind in self.results.figures):
            for setting in settings():
                if setting.name not in self.results.figures[kind]:
                    continue
                file = self.work / "found.json"
                self._child(
                    *(HERE / "_peers.py", "retrofr", self.clips[kind].path, "--rate", SAMPLE_RATE),
                    *("--min-face", setting.smallest, "--how", setting.floor, "--found", file),
                )
                self.results.found.setdefault(kind, {})[setting.name] = _boxes(file)

    # ---- one process -----------------------------------------------------------------------------------------

    def _index(
        self, subject: str, way: str, files: list[Path], flags: tuple[str, ...], *, visits: bool = False
    ) -> None:
        if way in self.results.skipped or f"{subject}, {way}" in self.results.skipped:
            return
        case, keys = self.work / "case", self.work / "keys"
        shutil.rmtree(case, ignore_errors=True)
        shutil.rmtree(keys, ignore_errors=True)
        program = Path(sys.executable).with_name("retrofr")
        command = [program, "index", *files, "--case", case, *flags, "--format", "json", "--quiet"]
        done = run([str(word) for word in command], {"RETROFR_KEYS": str(keys)})
        if done.exit_code not in (FINISHED, WITH_GAPS):
            # An option that this version lacks is refused everywhere. A long run is not lost by one that fails.
            reason = f"ended with {done.exit_code}: {_reason(done.stderr)}"
            self.results.skipped[way if done.exit_code == REFUSED else f"{subject}, {way}"] = reason
            print(f"{subject}: {way}: {reason}", file=sys.stderr, flush=True)
            return
        if done.exit_code == WITH_GAPS:
            self.results.notes[f"{subject}, {way}"] = "finished with gaps in its coverage"
        coverage = json.loads(done.stdout)["coverage"]
        known = {
            name: value for name, value in coverage.items() if isinstance(value, int | float) or value is None
        }
        self.results.add(subject, way, Figure(done.wall, done.cpu, done.peak_bytes, done.others, known))
        if visits:
            self.results.visits.setdefault(subject, {})[way] = _in_case(case, keys)

    def _child(self, script: Path, *arguments: object, may_fail: bool = False) -> Run:
        done = run([sys.executable, str(script), *map(str, arguments)])
        if done.exit_code and not may_fail:
            raise SystemExit(f"{script.name} ended with {done.exit_code}\n{done.stderr}")
        return done


def _reason(text: str) -> str:
    """The reason in a program's messages: of retrofr the line that begins with ``error:``, else the last."""
    lines = [line for line in text.strip().splitlines() if line.strip()] or ["no message"]
    return next((line for line in lines if line.startswith("error:")), lines[-1])


def _boxes(file: Path) -> dict[int, Boxes]:
    told = json.loads(file.read_text(encoding="utf-8"))
    return {int(frame): np.array(boxes, np.float64).reshape(-1, 4) for frame, boxes in told.items()}


def _in_case(path: Path, keys: Path) -> dict[int, Boxes]:
    """The boxes that a case of one made clip keeps of its tracklets, by the number of the frame."""
    from retrofr.case.exhibits import active_recipe
    from retrofr.case.keys import KeyStore
    from retrofr.case.reading import stored_tracklet, tracklet_table
    from retrofr.case.store import open_case

    found: dict[int, list[Any]] = {}
    with open_case(path, keys=KeyStore(keys)) as case:
        recipe = active_recipe(case)
        if recipe is None:
            return {}
        for number in tracklet_table(case, recipe.key).ids.tolist():
            for face in stored_tracklet(case, number).best:
                found.setdefault(round(face.frame.seconds * RATE), []).append(face.box)
    return {frame: np.array(boxes, np.float64) for frame, boxes in found.items()}


def main() -> None:
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    os.sched_setaffinity(0, cores)
    bench = Bench(options)
    bench.measure()
    results = bench.results
    truth = {kind: read_truth(path) for kind, path in results.truth.items()}
    print(document(results, [setting.name for setting in settings()], truth, len(cores)))
    if options.json:
        plain = {
            "figures": {
                subject: {way: [asdict(figure) for figure in figures] for way, figures in ways.items()}
                for subject, ways in results.figures.items()
            },
            "seconds": results.seconds,
            "skipped": results.skipped,
        }
        options.json.write_text(json.dumps(plain, indent=2, default=str) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of shared clips and faces")
    parser.add_argument("--work", type=Path, required=True, help="where footage is kept; needs about 6 GB")
    parser.add_argument("--seconds", type=float, default=300.0, help="length of a clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts only")
    parser.add_argument("--quick", action="store_true", help="short clips, one round: does it work at all?")
    parser.add_argument(
        "--brief", action="store_true", help="only the floors and settings that ratios are about"
    )
    parser.add_argument("--peer-every", type=int, default=10, help="others look at every so-many-th sample")
    parser.add_argument(
        "--piece-seconds", type=float, default=60.0, help="length of a file of the part scaling"
    )
    parser.add_argument(
        "--files", type=int, nargs="+", default=[1, 4, 16], help="so many files in the part scaling"
    )
    parser.add_argument(
        "--triage-minutes", type=float, default=60.0, help="length of the part triage's files"
    )
    parser.add_argument("--long-hours", type=float, default=2.0, help="length of the file of the part long")
    parser.add_argument("--cores", type=int, default=2, help="use so many cores of the machine")
    parser.add_argument("--json", type=Path, help="write every figure there as well")
    options = parser.parse_args()
    if options.quick:
        vars(options).update(QUICK)
    return options


if __name__ == "__main__":
    main()
