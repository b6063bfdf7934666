"""How long the report of a large search takes to write, to open and to filter, in a browser.

    python benchmarks/report.py --hits 5000

Makes up a search of twenty cameras over eight hours with so many hits, writes its report with a picture of a frame and
of a face for each, and opens it in Chromium as wide as a telephone, a laptop and a desktop. Prints a row each.
Exits 1 where a page takes longer than ``--limit`` seconds to open, or overflows; 2 where there is no browser.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from retrofr.clock import ClockOrigin, WallClock
from retrofr.documents import iso_time
from retrofr.records import Evidence, RangeKind, TimeRange
from retrofr.reporting.folder import write_report
from retrofr.reporting.searched import ProbeFace, ProbeShown, Searched
from retrofr.results import Appearance, Coverage, StreamCoverage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

CAMERAS, HOURS, STRETCH = 20, 8, 120
FATES: tuple[RangeKind, ...] = ("searched",) * 6 + ("static",) * 3 + ("unreadable",)


def stream(camera: int, chance: random.Random) -> StreamCoverage:
    """A camera's recording, cut into stretches of various fates."""
    seconds = HOURS * 3600
    begins = datetime(2024, 5, 1, 6) + timedelta(minutes=7 * camera)
    ranges = [
        TimeRange(chance.choice(FATES), Fraction(at), Fraction(at + STRETCH), 0)
        for at in range(0, seconds, STRETCH)
    ]
    return StreamCoverage(
        exhibit=f"camera-{camera:02}.mp4",
        exhibit_sha256=f"{camera:064x}",
        stream=0,
        declared_seconds=Fraction(seconds),
        searched_seconds=Fraction(seconds),
        frames=seconds * 25,
        samples=seconds * 2,
        damaged_packets=0,
        faces=1000,
        faces_unfit=0,
        unfit_reasons=(),
        problems=(),
        camera=f"camera {camera:02}",
        ranges=tuple(ranges),
        clock=WallClock(ClockOrigin(begins, "file name")),
    )


def hit(rank: int, of: StreamCoverage, start: int) -> Appearance:
    """A hit of five seconds."""
    begins, ends = Fraction(start), Fraction(start + 5)
    times = [iso_time(of.clock.original_at(at)) for at in (begins, ends)]
    return Appearance(
        rank=rank,
        hit=True,
        probe=f"probe {rank % 7}",
        exhibit=of.exhibit,
        exhibit_sha256=of.exhibit_sha256,
        stream=0,
        segment=0,
        start_seconds=begins,
        end_seconds=ends,
        start_time=times[0],
        end_time=times[1],
        start_time_adjusted=times[0],
        end_time_adjusted=times[1],
        clock_status=of.clock.status,
        time_source="pts",
        clock_source=of.clock.source,
        score=6 - rank / 10_000,
        faces=3,
        faces_seen=9,
        best_seconds=begins,
        best_box=(0.0, 0.0, 50.0, 50.0),
        eye_distance_pixels=40.0,
        camera=of.camera,
        person=rank % 31,
        still=f"stills/hit-{rank:04}-frame.jpg",
        evidence=Evidence(3.2, "strong support for one person rather than two"),
    )


def made_up(hits: int) -> Searched:
    """A search with so many hits and their pictures, of noise: as large as those of footage."""
    chance = random.Random(1)
    streams = tuple(stream(camera, chance) for camera in range(CAMERAS))
    found = [
        hit(n, chance.choice(streams), chance.randrange(0, HOURS * 3600 - 5)) for n in range(1, hits + 1)
    ]
    noise = np.random.default_rng(1).integers(0, 80, (45, 80, 3), np.uint8)
    frame = cv2.imencode(".jpg", cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC))[1].tobytes()
    face = cv2.imencode(".png", cv2.resize(noise[:32, :32], (224, 224)))[1].tobytes()
    pictures = {f"stills/hit-{n:04}-{name}": data for n in range(1, hits + 1) for name, data in
                (("frame.jpg", frame), ("face.png", face))}  # fmt: skip
    probe = ProbeFace("probe.jpg", "0" * 64, 60.0, (), None, "is made up")
    return Searched(
        hits=tuple(found),
        candidates=(),
        probes=tuple(ProbeShown(f"probe {n}", (probe,)) for n in range(7)),
        threshold=3.5,
        threshold_source="made up",
        compared=100_000,
        coverage=Coverage(streams),
        statement={},
        index={"index": "exact"},
        run={},
        pictures=pictures,
    )


def main() -> int:
    """Measure; 1 where it is too slow or overflows."""
    from screenshots import WIDTHS, find_browser, measure

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hits", type=int, default=5000)
    parser.add_argument("--limit", type=float, default=3.0, metavar="SECONDS")
    options = parser.parse_args()
    browser = find_browser()
    if browser is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 2
    searched = made_up(options.hits)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        write_report(searched, Path(folder))
        page = Path(folder) / "report.html"
        size = page.stat().st_size / 1e6
        print(
            f"{options.hits:,} hits: written in {time.perf_counter() - began:.1f} s, the page has {size:.1f} MB"
        )
        for width in WIDTHS:
            told = measure(browser, page, width)
            failed |= told.overflows or told.loaded > options.limit * 1000
            print(f"{width:>5} px wide: opens in {told.loaded / 1000:.2f} s, filters in {told.filtered} ms")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
