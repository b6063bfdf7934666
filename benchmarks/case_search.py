"""How long whole commands take on a case of the composite clip, and that their hits are those of the one-shot search.

    taskset -c 0,1 python benchmarks/case_search.py --data ../shared/data/clips/composite

Each line is a process from its start to its end: wall-clock seconds and processor seconds, its children's included.
Nets that are converted once are kept from the first run on; it is made here and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3


def run(*arguments: str | Path, label: str = "") -> list[dict[str, object]]:
    """Run a command of retrofr; prints what it took, where it has a label, and gives its JSON lines."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "retrofr_cli", *map(str, arguments), "--quiet"],
        stdout=subprocess.PIPE,
        check=True,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if label:
        print(f"{label:<62} {wall:6.2f} s {cpu:6.2f} s", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b'{"')]


def hits(records: list[dict[str, object]]) -> list[tuple[object, ...]]:
    """What must be alike in two searches."""
    keys = ("rank", "probe", "exhibit", "start_ticks", "end_ticks", "ticks_per_second", "score", "faces")
    return [tuple(r[k] for k in keys) for r in records if r.get("schema") == "retrofr.hit/1"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with composite.mp4 and enrol/")
    data = parser.parse_args().data
    clip, pictures = data / "composite.mp4", sorted((data / "enrol").glob("*.png"))
    probes = [word for picture in pictures for word in ("--probe", picture)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETROFR_KEYS"] = str(Path(folder) / "keys")
        run("search", clip, "--probe", pictures[0], "--format", "jsonl")
        print(f"{'':<62} {'wall':>8} {'processor':>8}")
        once = run("search", clip, *probes, "--format", "jsonl", label="one-shot search, 8 people")
        case = Path(folder) / "case"
        run("index", clip, "--case", case, label="index")
        run("index", clip, "--case", case, label="index again, nothing new")
        of_case = ("search", "--case", case, "--format", "jsonl")
        first = run(*of_case, *probes, label="search of the case, 8 people, pictures never seen before")
        for _ in range(ROUNDS):
            again = run(*of_case, *probes, label="search of the case, 8 people, pictures known")
        for n, picture in enumerate(pictures[:ROUNDS]):
            fresh = Path(folder) / f"case-{n}"
            run("index", clip, "--case", fresh)
            command = ("search", "--case", fresh, "--format", "jsonl")
            run(*command, "--probe", picture, label="search of the case, 1 person, picture never seen before")
        same = hits(first) == hits(again) == hits(once)
        print(f"{len(hits(once))} hits, {'the same' if same else 'NOT THE SAME'} in all searches of 8 people")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
