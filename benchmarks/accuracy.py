"""Every figure of accuracy in the docs and the README, one command after the other.

    make accuracy
    python benchmarks/accuracy.py --data ../shared/data [--only PART...]

Parts: evaluate (error rates of the default system), calibrate (the operating points that come with retrofr, measured
again and compared with them), chance (what searches say of false candidates), fusion (several photos of a person),
ablation (what each piece is worth), conditions (degraded copies), composite (a clip of 16 scenes), people (clustering).
Where the data is absent, that is said and nothing fails. Exits 1 where a part failed or the operating points are no
longer those in the tree.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA_FILES = HERE.parent / "retrofr" / "data"
EMBEDDERS = ("sface+dlib-resnet", "sface", "dlib-resnet")
Say = Callable[[str], None]
PARTS = ("evaluate", "calibrate", "chance", "fusion", "ablation", "conditions", "composite", "people")
SCORE_DIFFERENCE, PAIRS_AT_IT = 1e-4, 2  # scores move by some 1e-7, which may take a pair over a threshold
LONGEST = ("conditions", "ablation", "calibrate", "fusion")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the test material")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--at-once", type=int, default=2, help="so many parts are run side by side")
    options = parser.parse_args()
    faces, composite = options.data / "faces", options.data / "clips" / "composite"
    runs: dict[str, tuple[Path, Callable[[Say], bool]]] = {
        "evaluate": (faces, lambda say: _retrofr(say, "evaluate", faces)),
        "calibrate": (faces, lambda say: _calibrate(say, faces)),
        "chance": (faces, lambda say: _benchmark(say, "expected_false", "--data", faces)),
        "fusion": (faces, lambda say: _benchmark(say, "probe_fusion", "--data", faces)),
        "ablation": (faces, lambda say: _benchmark(say, "ablation", "--data", faces)),
        "conditions": (faces, lambda say: _benchmark(say, "conditions", "--data", faces)),
        "composite": (composite, lambda say: _benchmark(say, "composite", "--data", composite)),
        "people": (faces, lambda say: _benchmark(say, "people", "--photos", faces)),
    }
    started = time.monotonic()
    with ThreadPoolExecutor(options.at_once) as pool:
        # The longest first, so that none is left alone at the end.
        order = sorted(options.only, key=lambda name: (*LONGEST, name).index(name))
        parts = {name: pool.submit(_part, name, *runs[name]) for name in order}
        for name in (name for name in PARTS if name in parts):
            print(parts[name].result()[1], flush=True)
    failed = [name for name in parts if not parts[name].result()[0]]
    print(f"\nall: {time.monotonic() - started:.0f} s, {_core_seconds():.0f} s of cores")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _part(name: str, data: Path, run: Callable[[Say], bool]) -> tuple[bool, str]:
    """Whether it went well, and all that it printed."""
    said = [f"\n## {name}\n"]
    if not data.is_dir():
        return True, "\n".join([*said, f"skipped: the test material is not at {data}"])
    print(f"{name} begins", file=sys.stderr, flush=True)
    started = time.monotonic()
    good = run(said.append)
    said.append(f"\n{name}: {time.monotonic() - started:.0f} s{'' if good else ', FAILED'}")
    print(said[-1].strip(), file=sys.stderr, flush=True)
    return good, "\n".join(said)


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _retrofr(say: Say, *arguments: object) -> bool:
    return _run(say, [Path(sys.executable).with_name("retrofr"), *arguments])


def _benchmark(say: Say, name: str, *arguments: object) -> bool:
    return _run(say, [sys.executable, HERE / f"{name}.py", *arguments])


def _run(say: Say, command: Sequence[object]) -> bool:
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    say(done.stdout.rstrip())
    return done.returncode == 0


def _calibrate(say: Say, faces: Path) -> bool:
    """Whether measuring again gives the operating points that are in the tree, but for the day."""
    same = True
    with tempfile.TemporaryDirectory() as folder:
        for embedder in EMBEDDERS:
            name = f"operating-points-{embedder.replace('+', '-')}.toml"
            made = Path(folder) / name
            if not _retrofr(
                say,
                *("calibrate", faces, "--out", made, "--embedder", embedder, "--quiet"),
                *("--exclude", HERE / "faces_excluded.toml"),
            ):
                return False
            equal = _alike(made, DATA_FILES / name)
            say(f"{embedder}: {'as in' if equal else 'NOT as in'} retrofr/data/{name}")
            same = same and equal
    return same


def _alike(made: Path, kept: Path) -> bool:
    """Whether thresholds are the same, to what another processor may change, and so are their errors."""
    from retrofr.calibration.operating import read_operating_points

    ours, theirs = (read_operating_points(path).thresholds for path in (made, kept))
    return len(ours) == len(theirs) and all(
        abs(a.score - b.score) < SCORE_DIFFERENCE and abs(a.errors - b.errors) <= PAIRS_AT_IT
        for a, b in zip(ours, theirs, strict=True)
    )


if __name__ == "__main__":
    main()
