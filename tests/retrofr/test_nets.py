"""What a run on a CPU must not load: it would pay for it with each clip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import loaded
import pytest

from clips import make_clip
from retrofr.engines import local
from retrofr.engines.base import Gave
from retrofr.events import ignore, never
from retrofr.nets import load_nets
from retrofr.settings import Settings

HEAVY = {"facenet_pytorch", "onnx", "openvino.tools.ovc", "ray", "scipy", "sklearn", "torch", "torchvision"}


@pytest.fixture(scope="module", autouse=True)
def _kept_nets() -> None:
    load_nets(Settings())


def test_a_worker_loads_no_torch_and_no_net_but_the_detector() -> None:
    with local.build(local.SETTINGS(), loaded.prepare, 1, ignore, never) as engine:
        engine.submit(None)
        outcome = engine.receive()
    assert isinstance(outcome, Gave)
    modules, nets = outcome.piece
    assert "openvino" in modules, "the test looks where nets are run"
    assert set(modules) & HEAVY == set()
    assert nets == 1, "a recording without a face needs no embedder"


def test_indexing_loads_nothing_to_run_nets_with_into_the_process_that_has_the_case(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=10)
    names = HEAVY | {"openvino", "retrofr.download"}
    script = (
        "import atexit, sys\n"
        "from retrofr_cli.main import main\n"
        f"atexit.register(lambda: print(sorted({names!r} & set(sys.modules)), file=sys.stderr))\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "index", str(clip), "--case", str(tmp_path / "case"), "--quiet"],
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == "[]\n"
