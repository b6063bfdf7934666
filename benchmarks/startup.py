"""Where the time goes before a search begins, with and without converted nets kept from an earlier run.

    taskset -c 0,1 python benchmarks/startup.py --probe samples/probes/obama.jpg

Runs each command in turn, round after round, so that a busy machine slows all alike, and prints the medians of each:
wall time, and the processor time of all its threads, which other work on the machine changes less. The clip is drawn
here, two seconds long and without a face. Every round begins with an empty folder of converted nets of its own
(RETROFR_CACHE); the user's folder is not touched. The last rows are measured inside one process: making the nets
ready, then embedding one probe. With --photos a folder of photos (of any depth) is embedded as a list of persons,
to say how many pictures go through in a second.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

RETROFR = [sys.executable, "-m", "retrofr_cli"]
# Prints wall and processor seconds: nets made ready, the first probe, the next; then whether torch was loaded.
EMBED = """
import sys, time
from pathlib import Path
def lap():
    now = time.perf_counter(), time.process_time()
    print(now[0] - before[0], now[1] - before[1])
    return now
before = time.perf_counter(), time.process_time()
from retrofr import registry
from retrofr.comparison import build_comparison
from retrofr.probes import digest_pictures, embed_probe_picture, probe_pictures, parse_probe
from retrofr.runtime import resolve_device
from retrofr.settings import Settings
settings = Settings()
((picture,), _) = digest_pictures(probe_pictures([parse_probe(Path(sys.argv[1]))]))
device = resolve_device("auto")
part, own = registry.load_with_settings("detectors", settings.detect.detector, {})
nets = part.build(own, device), build_comparison(settings.embed.embedder, {}, device)
before = lap()
embed_probe_picture(picture, lambda: nets, settings.quality, lambda event: None)
before = lap()
embed_probe_picture(picture, lambda: nets, settings.quality, lambda event: None)
lap()
print("torch" in sys.modules)
"""
INSIDE = (
    "nets kept: ready in the process",
    "nets kept: first probe embedded",
    "nets kept: next probe embedded",
)
SCORE = """
from retrofr.scoring import build_scorer, comparison_key
import numpy as np
scorer = build_scorer("sface+dlib-resnet", {})
comparison_key(scorer.identity())
scorer.compare(np.ones((1, scorer.dimensions), np.float32), np.ones((1000, scorer.dimensions), np.float32))
"""


def draw_clip(path: Path) -> None:
    """Two seconds of noise at 320x240, 25 frames/s."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(50):
            picture = random.integers(90, 130, (240, 320, 3), np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


def timed(command: Sequence[str], cache: Path) -> tuple[float, float, str]:
    """Wall and processor seconds of a command that must end well, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        list(command),
        env={**os.environ, "RETROFR_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {done.returncode}: {done.stderr}")
    return seconds, busy, done.stdout


def measure(probe: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of each step, one a round."""
    rows: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        draw_clip(clip)
        search = [*RETROFR, "search", str(clip), "--probe", str(probe), "--format", "json"]
        for number in range(rounds):
            cache = Path(folder) / f"cache{number}"
            for name, command in (
                ("python -c pass", [sys.executable, "-c", "pass"]),
                ("python -c 'import numpy'", [sys.executable, "-c", "import numpy"]),
                ("python -c 'import torch'", [sys.executable, "-c", "import torch"]),
                ("retrofr --help", [*RETROFR, "--help"]),
                ("score templates, no nets", [sys.executable, "-c", SCORE]),
                ("search, nothing kept", search),
                ("search, nets kept", search),
            ):
                rows.setdefault(name, []).append(timed(command, cache)[:2])
            *_, said = timed([sys.executable, "-c", EMBED, str(probe)], cache)
            *seconds, torch = said.split()
            if torch != "False":
                raise SystemExit("torch was loaded although the nets were kept")
            for step, name in enumerate(INSIDE):
                wall, busy = seconds[2 * step : 2 * step + 2]
                rows.setdefault(name, []).append((float(wall), float(busy)))
    return rows


def pictures_a_second(photos: Path, most: int) -> str:
    """How fast a list of persons is embedded, and how many of its pictures cannot be used."""
    from retrofr import registry
    from retrofr.comparison import build_comparison
    from retrofr.events import ignore
    from retrofr.probes import (
        IMAGE_SUFFIXES,
        ProbeProblem,
        ProbeSpec,
        digest_pictures,
        embed_probe_pictures,
    )
    from retrofr.runtime import resolve_device
    from retrofr.settings import Settings

    settings, device = Settings(), resolve_device("auto")
    part, own = registry.load_with_settings("detectors", settings.detect.detector, {})
    nets = part.build(own, device), build_comparison(settings.embed.embedder, {}, device)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)[:most]
    pictures, _ = digest_pictures({str(path): [ProbeSpec(str(path), path)] for path in files})
    start, busy = time.perf_counter(), time.process_time()
    found = list(embed_probe_pictures(pictures, lambda: nets, settings.quality, ignore))
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    bad = sum(isinstance(each, ProbeProblem) for each in found)
    memory = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    peak = f", peak memory {int(memory[1]) / 1024:.0f} MiB" if memory else ""
    return (
        f"{len(found)} pictures in {seconds:.1f} s: {len(found) / seconds:.1f} a second "
        f"({busy / len(found):.3f} processor seconds a picture); {bad} not usable{peak}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--probe", type=Path, required=True, help="a picture of one face")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=Path, help="a folder of photos to embed as a list of persons")
    parser.add_argument("--most", type=int, default=640, help="how many of the photos")
    arguments = parser.parse_args()
    print(f"{'':34}    wall processor")
    for name, seconds in measure(arguments.probe, arguments.rounds).items():
        wall, busy = (statistics.median(column) for column in zip(*seconds, strict=True))
        print(f"{name:34} {wall:6.2f} s {busy:7.2f} s")
    if arguments.photos:
        print(pictures_a_second(arguments.photos, arguments.most))


if __name__ == "__main__":
    main()
