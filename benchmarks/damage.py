"""How many damaged frames go unlabelled, by codec: bits flipped in clips whose every picture is known.

    python benchmarks/damage.py [--seeds 12]

Each clip of 250 frames gets 5 and 60 flipped bits in its middle fifth, once for each seed. A frame counts as damaged
where a block of 16 x 16 pixels is 30 grey levels or more from what was drawn, or where it shows another frame.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from recordings.cases import Expected
from recordings.reading import Reading, see
from recordings.studio import B_FRAMES, Clip, Studio
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan

_FRONT = {"movflags": "+faststart"}
_FINE = {"b": "4M", "qmax": "6"}
CLIPS = {
    "H.264, baseline (CAVLC)": ("cavlc.mp4", Clip(container_options=_FRONT)),
    "H.264, high (CABAC)": ("cabac.mp4", Clip(options={"preset": "veryfast"}, container_options=_FRONT)),
    "H.264, high, B-frames": ("b_frames.mp4", Clip(options=B_FRAMES, container_options=_FRONT)),
    "HEVC": ("hevc.mp4", Clip("libx265", container_options=_FRONT)),
    "MPEG-4": ("mpeg4.avi", Clip("mpeg4", options=_FINE)),
    "MPEG-2": ("mpeg2.mpg", Clip("mpeg2video", options=_FINE, container="mpeg")),
    "MJPEG": ("mjpeg.avi", Clip("mjpeg", "yuvj420p")),
}
EVERY_FRAME = ReadingPlan(SamplingSettings(rate=120.0))


def count(path: Path, decoder: DecoderProcess) -> Counter[str]:
    """Frames, damaged frames, those of them that are not labelled, and good ones that are."""
    expected = Expected(path.name, "searched", frames=1)
    exhibit = open_exhibit(FootageFile(path, path.name))
    with decoder.read_samples(exhibit, 0, EVERY_FRAME) as reader:
        seen = [see(sample, expected) for sample in reader]
    reading = Reading(expected, exhibit, seen, reader.coverage_facts, logged=True)
    missed, extra = reading.mislabelled()
    return Counter(frames=len(seen), damaged=reading.damaged(), missed=missed, extra=extra)


def main() -> None:
    """Print a row for each codec."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=12)
    seeds = arguments.parse_args().seeds
    print("| codec | files | damaged frames | not labelled | share | files with such | good ones labelled |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, DecoderProcess(VideoSettings()) as decoder:
        studio = Studio(Path(folder))
        for codec, (name, clip) in CLIPS.items():
            studio.encode(name, clip)
            counts: Counter[str] = Counter()
            with_missed = 0
            for seed, flips in ((seed, flips) for seed in range(seeds) for flips in (5, 60)):
                studio.random = random.Random(seed)
                studio.write(f"flipped_{name}", studio.flip_bits(studio.read(name), flips))
                found = count(studio.path(f"flipped_{name}"), decoder)
                counts += found
                with_missed += bool(found["missed"])
            share = counts["missed"] / max(1, counts["damaged"])
            print(
                f"| {codec} | {2 * seeds} | {counts['damaged']} | {counts['missed']} | {share:.1%} "
                f"| {with_missed} | {counts['extra']} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
