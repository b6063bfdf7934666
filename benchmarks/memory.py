"""Peak memory of a search over 1080p footage of growing length.

    python benchmarks/memory.py --faces ../shared/data/faces --minutes 3 30

Renders twenty seconds of 1080p25 H.264 in which faces from the given photos move over a noisy scene, repeats
them by stream copy to each length, and searches each file in a process of its own. Prints the sum of that process's
peak resident memory and its decoder process's, its wall time and its speed as multiples of real time. Memory that
grew with length would show as a ratio well above 1 between the last and the first.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, RATE, BASE_SECONDS, VISITORS = 1920, 1080, 25, 20, 12
PERSON_SIDE = 260


def render_base(path: Path, photos: list[Path]) -> None:
    """Encode the base clip: VISITORS photos crossing at different heights and speeds."""
    random = np.random.default_rng(0)
    people = [cv2.resize(cv2.imread(str(p)), (PERSON_SIDE, PERSON_SIDE)) for p in photos[:VISITORS]]
    noise = random.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        stream.options = {"preset": "ultrafast", "g": "50", "bf": "0"}
        for number in range(BASE_SECONDS * RATE):
            picture = _picture(number, people, noise)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        output.mux(stream.encode(None))


def _picture(
    number: int, people: list[npt.NDArray[Any]], noise: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Frame ``number`` of the base clip, BGR."""
    shifted = np.roll(noise, number * 7919, axis=1)
    picture = np.clip(110 + shifted, 0, 255).astype(np.uint8).repeat(3, axis=2)
    for i, person in enumerate(people):
        start = i * BASE_SECONDS * RATE // len(people)
        x = (number - start) * (6 + i % 5) - PERSON_SIDE
        y = 60 + (i * 173) % (HEIGHT - PERSON_SIDE - 80)
        left, right = max(0, x), min(WIDTH, x + PERSON_SIDE)
        if right > left:
            picture[y : y + PERSON_SIDE, left:right] = person[:, left - x : right - x]
    return picture


def repeat(base: Path, path: Path, minutes: float) -> None:
    """Repeat the base clip by stream copy until it is ``minutes`` long."""
    with av.open(str(path), "w") as output:
        stream = None
        for round_number in range(round(minutes * 60 / BASE_SECONDS)):
            with av.open(str(base)) as source:
                video = source.streams.video[0]
                stream = stream or output.add_stream_from_template(video)
                shift = round(round_number * BASE_SECONDS / video.time_base)
                for packet in source.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    output.mux(packet)


# A child's ru_maxrss begins with what its parent had when it started it, so the decoder is asked while it lives.
_SEARCH = """
import os, re, resource, sys
from pathlib import Path
import retrofr

decoder = 0

def look(event):
    global decoder
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        peak = re.search(r"VmHWM:\\s+(\\d+)", Path(f"/proc/{child}/status").read_text())
        decoder = max(decoder, int(peak[1]) if peak else 0)

result = retrofr.search([sys.argv[1]], [sys.argv[2]], keep_stills=True, listener=look)
stream = result.coverage.streams[0]
print(f"{len(result.hits)} hits, {stream.samples} samples, {stream.faces} faces")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + decoder) / 1024)
"""


def measure(footage: Path, probe: Path) -> tuple[float, float, str]:
    """Peak memory in MB and wall seconds of one search, and the last line it printed."""
    started = time.perf_counter()
    shown = subprocess.run(
        [sys.executable, "-c", _SEARCH, str(footage), f"{probe}#1"],
        capture_output=True,
        text=True,
        check=True,
    )
    summary, peak = shown.stdout.strip().splitlines()
    return float(peak), time.perf_counter() - started, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="folder with a folder of photos per person")
    parser.add_argument("--minutes", type=float, nargs="+", default=[3.0, 30.0])
    arguments = parser.parse_args()
    photos = [
        sorted(folder.glob("*.jpg"))[0] for folder in sorted(arguments.faces.iterdir()) if folder.is_dir()
    ]
    probe = sorted(photos[0].parent.glob("*.jpg"))[1]
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base.mp4"
        render_base(base, photos)
        peaks = []
        for minutes in arguments.minutes:
            footage = Path(scratch) / f"{minutes:g}min.mp4"
            repeat(base, footage, minutes)
            peak, wall, summary = measure(footage, probe)
            footage.unlink()
            peaks.append(peak)
            print(
                f"{minutes:6g} min  peak {peak:6.0f} MB  {wall:6.1f} s  {minutes * 60 / wall:5.1f} x  {summary}"
            )
        print(f"last over first: {peaks[-1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
