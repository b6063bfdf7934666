"""Where the time of `retrofr index` goes on a CPU: stage by stage, against the floor of operations and bytes.

    python benchmarks/stages.py --data ../shared/data --work FOLDER [--seconds 30] [--rounds 3]
    python benchmarks/stages.py --footage CLIP

Everything runs in this one process, one thing after the other, so that every second of a core belongs to exactly one
stage; functions are wrapped from here and nothing is changed in the library. How long a run takes in which two
processes overlap is measured too, as `retrofr bench` does. Prints the tables of docs/profile.md.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Never

import numpy as np
from _footage import clip
from _meter import CUTS, DECODE, STAGES, Meter, Nets, instrumented
from _samples import samples as bare_samples

MATRIX, COPIED = 1536, 1 << 27
"""Side of the matrices that are multiplied, and bytes that are copied, to measure the machine."""


class Subject:
    """What is profiled: the beginning of a recording."""

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        from retrofr.settings import Settings
        from retrofr.video.container import open_exhibit
        from retrofr.video.footage import find_footage
        from retrofr.video.plan import ReadingPlan

        parts = {"yunet": {"min_face_pixels": options.smallest}}
        self.path, self.seconds = path, Fraction(options.seconds)
        sampling = {"rate": options.rate, "gate": not options.no_gate}
        self.settings = Settings.from_mapping({"sampling": sampling, "device": "cpu", "parts": parts})
        (file,) = find_footage([path]).files
        self.exhibit = open_exhibit(file)
        self.plan = ReadingPlan(self.settings.sampling, self.settings.video)
        self.stream = self.exhibit.streams[0]

    def work_through(self, meter: Meter, nets: Any) -> tuple[int, int, int, int]:
        """Index it once; gives the numbers of frames gone through, samples, faces and templates."""
        from retrofr.faces import FaceFinder
        from retrofr.speed.reading import read_first

        finder: FaceFinder[Never] = FaceFinder(
            self.exhibit, nets.detector, nets.comparison, self.settings, keeps="faces"
        )
        finder.begin_slice(0)
        samples = templates = 0
        with read_first(self.seconds, self.exhibit, self.stream.index, self.plan) as reader:
            while True:
                with meter.stage(DECODE):
                    batch = list(islice(reader, self.settings.detect.batch_frames))
                samples += len(batch)
                if not batch:
                    finder.end_slice()
                for found in finder.look_at(batch) if batch else finder.finish():
                    templates += len(found.tracklet.templates)
                    for source in found.sources:
                        if source is not None:
                            source.face_jpeg()
                if not batch:
                    return reader.coverage_facts.frames, samples, finder.counts.found, templates

    def decode_bare(self) -> float:
        """Seconds of cores of decoding alone; as far as the samples reach that are profiled."""
        began = time.process_time()
        rate = Fraction(self.settings.sampling.rate)
        for number, _ in bare_samples(self.path, rate, "needed"):
            if number >= self.seconds * (self.stream.average_rate or 25):
                break
        return time.process_time() - began


@dataclass(frozen=True)
class Machine:
    """What a core does in a second at its best: operations of float32, and bytes of memory read and written."""

    operations: float
    bytes: float


def measured_machine(threads: int) -> Machine:
    """The best of some trials: of a matrix product with so many threads, and of a copy that no cache holds."""
    import torch

    torch.set_num_threads(threads)
    one = torch.rand(MATRIX, MATRIX)
    source = np.ones(COPIED, np.uint8)
    target = np.empty_like(source)
    products = min(_cpu_of(lambda: one @ one) for _ in range(8))
    copies = min(_cpu_of(lambda: np.copyto(target, source)) for _ in range(5))
    return Machine(2 * MATRIX**3 / products, 2 * COPIED / copies)


def _cpu_of(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


class Profile:
    """The figures of all rounds, and the tables made of them."""

    def __init__(self, subject: Subject, rounds: int) -> None:
        from retrofr.nets import load_nets

        self.subject, self.meter, self.known = subject, Meter(), Nets()
        self.taken: list[Counter[str]] = []
        self.bare: list[float] = []
        with ExitStack() as stack:
            instrumented(self.meter, self.known, stack)
            nets = load_nets(subject.settings)
            self.device = nets.device
            subject.work_through(self.meter, nets)  # nets get ready for the shapes of their inputs
            self.meter.round()
            for _ in range(rounds):
                self.bare.append(subject.decode_bare())
                self.meter.round()
                self.frames, self.samples, self.faces, self.templates = subject.work_through(self.meter, nets)
                cpu, self.calls, self.items, self.moved = self.meter.round()
                self.taken.append(cpu)
        self.machine = measured_machine(self.device.threads)

    def ms(self, stage: str) -> float:
        """Milliseconds of cores a sample; median of the rounds."""
        return 1000 * statistics.median(cpu[stage] for cpu in self.taken) / self.samples

    def nets_used(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Stages that are nets, with the net and the shape of its input."""
        return {
            f"{name}, {' × '.join(map(str, shape[:2]))}": (name, shape) for name, shape in sorted(self.items)
        }

    def stages(self) -> str:
        """The table of all stages."""
        nets = self.nets_used()
        decoded = self.calls[CUTS]
        order = [*STAGES[:6], *[n for n in nets if "yunet" in n], *STAGES[6:10]]
        order += [n for n in nets if "yunet" not in n] + list(STAGES[10:])
        whole = sum(self.ms(stage) for stage in order)
        rows = []
        for stage in order:
            floor = self._floor(stage, nets)
            rows.append(
                [
                    stage,
                    f"{self.calls[stage] / self.samples:.2f}",
                    f"{self.ms(stage):.2f}",
                    f"{self.ms(stage) * self.samples / self.frames:.3f}",
                    f"{100 * self.ms(stage) / whole:.1f} %",
                    "–" if floor is None else f"{floor:.2f}",
                    "–" if not floor else f"{self.ms(stage) / floor:.1f}",
                ]
            )
        rows.append(
            ["**all**", "", f"{whole:.2f}", f"{whole * self.samples / self.frames:.3f}", "100 %", "", ""]
        )
        head = (
            "stage",
            "calls a sample",
            "ms a sample",
            "ms a frame",
            "share",
            "floor, ms a sample",
            "× floor",
        )
        facts = (
            f"{self.samples:,} samples of {self.frames:,} frames, of which {decoded:,} were decoded; "
            f"{self.faces / self.samples:.1f} faces a sample, {self.templates:,} templates"
        )
        return f"{facts}\n\n{table(head, rows)}"

    def _floor(self, stage: str, nets: dict[str, tuple[str, tuple[int, ...]]]) -> float | None:
        if stage == DECODE:
            return 1000 * statistics.median(self.bare) / self.samples
        if stage in nets:
            name, shape = nets[stage]
            done = self.items[name, shape] * self.known.operations(name, shape)
            return 1000 * done / self.machine.operations / self.samples
        return 1000 * self.moved[stage] / self.machine.bytes / self.samples if stage in self.moved else None

    def nets(self) -> str:
        """The table of the nets."""
        rows = []
        for stage, (name, shape) in self.nets_used().items():
            count, operations = self.items[name, shape], self.known.operations(name, shape)
            each = self.ms(stage) * self.samples / count
            rows.append(
                [
                    name.removeprefix("net "),
                    " × ".join(map(str, shape)),
                    f"{count / self.samples:.2f}",
                    f"{operations / 2e6:,.0f}",
                    f"{each:.2f}",
                    f"{operations / each / 1e6:.1f}",
                    f"{operations / (each / 1000) / self.machine.operations:.2f}",
                ]
            )
        head = ("net", "input", "inputs a sample", "million multiply-adds an input", "ms of cores an input")
        return table((*head, "GFLOP/s of a core", "of a matrix product's"), rows)

    def together(self) -> str:
        """How a run overlaps, measured as `retrofr bench` does."""
        from retrofr.speed.measuring import measure_speed
        from retrofr.speed.stages import STAGES as NAMES

        result = measure_speed(
            [self.subject.path], settings=self.subject.settings, seconds=float(self.subject.seconds), rounds=3
        )
        samples, rows = result.samples, []
        for stage, spent in result.stages().items():
            wall = "" if spent.wall_seconds is None else f"{1000 * spent.wall_seconds / samples:.2f}"
            rows.append([NAMES[stage], f"{1000 * spent.cpu_seconds / samples:.2f}", wall])
        ways = {
            "**decoding alone**": (lambda r: r.decoding.cpu_seconds, lambda r: r.decoding.wall_seconds),
            "**all of it**": (lambda r: r.indexing.cpu_seconds, lambda r: r.indexing.wall_seconds),
        }
        for way, both in ways.items():
            rows.append([way, *(f"{1000 * result.total(value) / samples:.2f}" for value in both)])
        picture = self.subject.stream.width * self.subject.stream.height * 3
        others = [each.others or 0.0 for one in result.recordings for each in one.rounds]
        return (
            f"{table(('stage', 'ms of cores a sample', 'ms on the wall a sample'), rows)}\n\n"
            f"Floor of handing a picture of {picture / 1e6:.1f} MB over by a socket, which copies it in and out: "
            f"{4000 * picture / self.machine.bytes:.2f} ms of cores. "
            f"Other processes kept {statistics.median(others):.1f} cores busy meanwhile."
        )

    def heading(self) -> str:
        """When and on what."""
        stream, sampling = self.subject.stream, self.subject.settings.sampling
        return (
            f"{datetime.date.today():%d %B %Y}, {self.device.describe()}, load {os.getloadavg()[0]:.1f}. A core does "
            f"{self.machine.operations / 1e9:.0f} GFLOP/s in a matrix product and reads and "
            f"writes {self.machine.bytes / 1e9:.1f} GB/s in a copy. {stream.width} × {stream.height} {stream.codec}, "
            f"{sampling.rate:g} samples/s, {float(self.subject.seconds):g} s; medians, rounds: {len(self.taken)}."
        )


def main() -> None:
    options = _options()
    path: Path | None = options.footage
    if path is None:
        if options.data is None or options.work is None:
            raise SystemExit("give --footage, or --data and --work to make the busy clip")
        options.work.mkdir(parents=True, exist_ok=True)
        path = clip("busy", math.ceil(options.seconds), options.data / "faces", options.work).path
    profile = Profile(Subject(path, options), options.rounds)
    print(profile.heading())
    for title, text in (
        ("Stage by stage, in one process", profile.stages()),
        ("The nets", profile.nets()),
        ("Two processes that overlap", profile.together()),
    ):
        print(f"\n### {title}\n\n{text}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, help="a recording; without it the busy clip of _footage.py")
    parser.add_argument("--data", type=Path, help="folder of shared faces, to make the busy clip from")
    parser.add_argument("--work", type=Path, help="where the busy clip is kept")
    parser.add_argument("--seconds", type=float, default=30.0, help="of media time that are looked at")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=2.0, help="samples a second")
    parser.add_argument("--smallest", type=int, default=40, help="pixels of the smallest face")
    parser.add_argument("--no-gate", action="store_true", help="look at static pictures too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
