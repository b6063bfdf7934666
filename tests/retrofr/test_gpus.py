"""What is told of GPUs without torch, from what their drivers put into the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retrofr import gpus


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the root of a Linux system without a GPU."""
    root = str(tmp_path.relative_to("/"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(gpus, "SIGNS", tuple(f"{root}/{each}" for each in gpus.SIGNS))
    monkeypatch.setattr(gpus, "_DEVICES", f"{root}/{gpus._DEVICES}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize("sign", ["dev/nvidia0", "dev/dxg", "dev/kfd", "proc/driver/nvidia/version"])
def test_a_sign_of_a_gpu_is_seen(sign: str, system: Path) -> None:
    assert not gpus.may_be_there()
    (system / sign).parent.mkdir(parents=True)
    (system / sign).touch()
    assert gpus.may_be_there()


@pytest.mark.parametrize(("name", "possible"), [("darwin", False), ("win32", True)])
def test_elsewhere_only_torch_can_tell(name: str, possible: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", name)
    assert gpus.may_be_there() is possible


@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 4),
        ("0,1", 2),
        ("3", 1),
        ("GPU-aa, GPU-bb", 2),
        ("", 0),
        ("-1", 0),
        ("1,-1,2", 1),
        ("0,1,2,3,4", 4),
    ],
)
def test_gpus_are_counted_as_far_as_they_may_be_used(
    visible: str | None, count: int, system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gpus.likely_count() == 0
    (system / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (system / "dev" / name).touch()
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.likely_count() == count


def test_counting_loads_no_torch() -> None:
    code = (
        "import sys; from retrofr import gpus\n"
        "gpus.likely_count(); gpus.may_be_there(); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
