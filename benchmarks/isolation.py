"""What reading in a process of its own costs, against reading the same footage in this process.

    python benchmarks/isolation.py [--rounds 7] [--seconds 20] [--rate 2] [--size 1920x1080]

Renders a clip with sensor noise (H.264, 25 frames/s, about 4 Mbit/s at 1920 × 1080), then reads its samples in
turn in both ways, nothing being done with them. Each round is a pair; printed are the medians of both ways and
the median of the pairs' ratios, on the wall and in processor time of both processes together, and with them how
long a decoder process takes to start.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from retrofr.records import Exhibit
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import find_footage
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import read_samples

RATE = 25


def render(path: Path, seconds: float, width: int, height: int) -> Path:
    """A static scene with noise and a moving disc."""
    generator = np.random.default_rng(2)
    scene = generator.integers(60, 180, (height // 40 + 1, width // 40 + 1)).astype(np.int16)
    scene = scene.repeat(40, 0).repeat(40, 1)[:height, :width]
    noises = generator.normal(0, 3, (8, height, width)).astype(np.int16)
    rows, columns = np.ogrid[:height, :width]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = round(4_000_000 * width * height / (1920 * 1080))
        stream.options = {"preset": "superfast", "g": str(2 * RATE), "bf": "0"}
        for number in range(round(seconds * RATE)):
            picture = scene + noises[number % 8]
            across = (columns - number * 6 % width) ** 2 + (rows - height // 2) ** 2
            picture[across < (height // 8) ** 2] = 230
            grey = np.clip(picture, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def cpu_of(pid: int) -> float:
    """Processor seconds of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def directly(exhibit: Exhibit, plan: ReadingPlan) -> int:
    with read_samples(exhibit, 0, plan) as reader:
        return sum(1 for _ in reader)


def timed(read: Callable[[], int], pid: int | None) -> tuple[float, float, int]:
    """Seconds on the wall, processor seconds of this process and that one, number of samples."""
    cpu = own_cpu() + (cpu_of(pid) if pid else 0)
    began = time.perf_counter()
    samples = read()
    wall = time.perf_counter() - began
    return wall, own_cpu() + (cpu_of(pid) if pid else 0) - cpu, samples


def compare(exhibit: Exhibit, plan: ReadingPlan, rounds: int) -> None:
    """Read in both ways in turn, and print what each took."""
    with DecoderProcess() as decoder:
        began = time.perf_counter()
        pid = decoder.call(os.getpid, subject="start")
        print(f"start of a decoder process {time.perf_counter() - began:.2f} s")

        def isolated() -> int:
            with decoder.read_samples(exhibit, 0, plan) as reader:
                return sum(1 for _ in reader)

        pairs = []
        for number in range(rounds + 1):
            ways = [timed(lambda: directly(exhibit, plan), None), timed(isolated, pid)]
            if number:  # the first round warms up
                pairs.append(ways)
    for at, what in ((0, "wall"), (1, "processor")):
        here = statistics.median(one[at] for one, _ in pairs)
        there = statistics.median(other[at] for _, other in pairs)
        ratios = sorted(other[at] / one[at] for one, other in pairs)
        print(
            f"{what:10} in this process {here:6.2f} s   in its own {there:6.2f} s   "
            f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})   "
            f"{pairs[0][0][2]} samples"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, nargs="+", default=[2.0])
    parser.add_argument("--size", default="1920x1080")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        clip = render(Path(folder) / "clip.mp4", arguments.seconds, width, height)
        exhibit = open_exhibit(find_footage([clip]).files[0])
        for rate in arguments.rate:
            print(f"{arguments.size}, {arguments.seconds:g} s, {rate:g} samples/s")
            compare(exhibit, ReadingPlan(SamplingSettings(rate=rate)), arguments.rounds)


if __name__ == "__main__":
    main()
