"""Devices, and nets run on them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from retrofr import gpus, runtime
from retrofr.errors import ModelError, SettingsError
from retrofr.runtime import Device, Runner, compile_module, resolve_device


class Net(nn.Module):
    """Two outputs, any picture size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.relu(self.conv(x.permute(0, 3, 1, 2).float()))
        return y, y.mean(dim=(2, 3))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(runtime.BACKEND_VARIABLE, raising=False)
    monkeypatch.delenv(runtime.THREADS_VARIABLE, raising=False)
    monkeypatch.delenv(runtime.PRECISION_VARIABLE, raising=False)


def pretend_gpus(monkeypatch: pytest.MonkeyPatch, *names: str, capability: tuple[int, int] = (9, 0)) -> None:
    monkeypatch.setattr(gpus, "may_be_there", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(names))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: names[index])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)


def test_auto_takes_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch)
    device = resolve_device("auto")
    assert (device.kind, device.backend, device.torch_device) == ("cpu", "openvino", torch.device("cpu"))
    assert device.threads == len(os.sched_getaffinity(0))


def test_auto_takes_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch, "Fast One", "Fast Two")
    assert resolve_device("auto").describe() == f"cuda:0 (Fast One, torch {torch.__version__}, float16)"
    assert resolve_device("cuda").torch_device == torch.device("cuda", 0)
    assert resolve_device("cuda:1").describe() == f"cuda:1 (Fast Two, torch {torch.__version__}, float16)"
    assert resolve_device("cpu").kind == "cpu"


def test_of_several_gpus_each_worker_takes_its_own_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch, "One", "Two", "Three")
    for text in ("cuda", "auto"):
        assert [resolve_device(text, worker=number).index for number in range(5)] == [0, 1, 2, 0, 1]
    assert {resolve_device("cuda:1", worker=number).index for number in range(3)} == {1}
    assert resolve_device("cpu", worker=2).kind == "cpu"


@pytest.mark.parametrize(
    ("capability", "asked", "precision"),
    [
        ((9, 0), None, "float16"),
        ((7, 0), None, "float16"),
        ((6, 1), None, "float32"),
        ((9, 0), "float32", "float32"),
        ((6, 1), "float16", "float16"),
    ],
)
def test_a_gpu_computes_in_the_precision_that_suits_it_or_is_asked_for(
    capability: tuple[int, int], asked: str | None, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_gpus(monkeypatch, "One", capability=capability)
    if asked is not None:
        monkeypatch.setenv(runtime.PRECISION_VARIABLE, asked)
    device = resolve_device("cuda")
    assert device.precision == precision
    assert device.describe().endswith(", float16)") == (precision == "float16")
    assert resolve_device("cpu").precision == "float32"


def test_auto_does_not_load_torch_to_learn_that_there_is_no_gpu() -> None:
    code = (
        "import sys; from retrofr import gpus, runtime; gpus.may_be_there = lambda: False\n"
        "print(runtime.resolve_device('auto').kind, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["cpu", "False"]


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpus(monkeypatch)
    with pytest.raises(ModelError) as caught:
        resolve_device("cuda")
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        "device: cuda is not on this machine, as far as torch can see\n"
        "there is: cpu; `--device auto` takes the best of them"
    )
    pretend_gpus(monkeypatch, "Fast One")
    with pytest.raises(ModelError) as caught:
        resolve_device("cuda:1")
    assert caught.value.hint == "there is: cpu, cuda:0 (Fast One); `--device auto` takes the best of them"


@pytest.mark.parametrize(
    "text", ["", "gpu", "CUDA", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "auto:0", "cuda:0:1"]
)
def test_what_is_not_a_device_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_device(text)
    assert caught.value.exit_code == 2
    assert str(caught.value) == f"device: {text!r} is not a device\nexpected auto, cpu, cuda or cuda:N"


def test_the_description_names_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device("cpu", 0, "A Processor", "openvino", "2026.4", 2)
    assert device.describe() == "cpu (A Processor, 2 threads, openvino 2026.4)"
    assert (
        resolve_device("cpu", backend="torch", threads=1)
        .describe()
        .endswith(f", 1 thread, torch {version('torch')})")
    )
    monkeypatch.setenv(runtime.BACKEND_VARIABLE, "torch")
    monkeypatch.setenv(runtime.THREADS_VARIABLE, "3")
    assert (resolve_device("cpu").backend, resolve_device("cpu").threads) == ("torch", 3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (runtime.BACKEND_VARIABLE, "tpu", "backend: 'tpu' is not one of openvino, torch"),
        (
            runtime.PRECISION_VARIABLE,
            "bfloat16",
            "RETROFR_PRECISION: 'bfloat16' is not one of float32, float16",
        ),
        (runtime.THREADS_VARIABLE, "many", "RETROFR_THREADS: expected a whole number, got 'many'"),
        (runtime.THREADS_VARIABLE, "0", "threads: 0 is out of bounds; it goes from 1 to 1024"),
    ],
)
def test_a_wrong_backend_or_number_of_threads(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        resolve_device("cpu")
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_openvino_gives_what_torch_gives(dtype: type[np.generic]) -> None:
    runners = [
        compile_module(
            Net(), resolve_device("cpu", backend=name), (1, 32, 32, 3), dynamic=(1, 2), dtype=dtype
        )
        for name in ("openvino", "torch")
    ]
    for shape in [(1, 32, 32, 3), (5, 17, 40, 3), (40, 8, 8, 3), (0, 8, 8, 3)]:
        batch = np.random.default_rng(2).uniform(0, 255, shape).astype(dtype)
        quick, plain = (runner(batch) for runner in runners)
        for one, other in zip(quick, plain, strict=True):
            assert one.dtype == np.float32
            assert one.shape == other.shape
            assert one.shape[0] == len(batch)
            np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_results_stay_when_the_net_runs_again(backend: str) -> None:
    runner = compile_module(Net(), resolve_device("cpu", backend=backend), (1, 8, 8, 3))
    batch = np.ones((2, 8, 8, 3), np.float32)
    first = runner(batch)
    before = [output.copy() for output in first]
    runner(batch * 7)
    assert all(np.array_equal(one, other) for one, other in zip(first, before, strict=True))


class Memory:
    """A net that has room for so many items at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        self.sizes.append(len(batch))
        if len(batch) > self.room:
            raise MemoryError
        return (batch * 2,)


def test_the_batch_is_halved_for_good_where_memory_runs_out() -> None:
    memory = Memory(room=3)
    runner = Runner(memory, resolve_device("cpu"), 16)
    batch = np.arange(20, dtype=np.float32)[:, None]
    assert np.array_equal(runner(batch)[0], batch * 2)
    assert memory.sizes == [16, 8, 4] + [2] * 10
    memory.sizes.clear()
    runner(batch[:4])
    assert memory.sizes == [2, 2]


def test_no_memory_for_one_item_is_an_error() -> None:
    device = Device("cuda", 0, "Small One", "torch", "2", 1)
    with pytest.raises(ModelError) as caught:
        Runner(Memory(room=0), device, 4)(np.zeros((3, 8, 9), np.float32))
    assert str(caught.value) == (
        "cuda:0 (Small One, torch 2): ran out of memory with one input of 8 × 9\n"
        "close what else uses its memory, or run with --device cpu"
    )


@pytest.mark.parametrize(
    "raised",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you"),
    ],
)
def test_torchs_ways_to_say_that_memory_ran_out(raised: Exception) -> None:
    class Hungry(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if len(x) > 1:
                raise raised
            return x

    runner = compile_module(Hungry(), resolve_device("cpu", backend="torch"), (1, 2))
    assert runner(np.ones((5, 2), np.float32))[0].shape == (5, 2)
    assert runner.largest_batch == 1


def test_another_error_of_the_net_is_not_taken_for_memory() -> None:
    runner = compile_module(Net(), resolve_device("cpu", backend="torch"), (1, 8, 8, 3))
    with pytest.raises(RuntimeError, match="channels"):
        runner(np.zeros((1, 8, 8, 4), np.float32))


WATCHED = """
import multiprocessing, socket, sys, urllib.request
import torch
from retrofr.detectors import yunet
from retrofr.runtime import compile_module, resolve_device
def refuse(*args, **kwargs):
    print("tried", args)
    raise OSError
# The ways OpenVINO's telemetry goes: a request, sent from a process of its own.
socket.socket.connect = urllib.request.urlopen = multiprocessing.Process.start = refuse
device = resolve_device("cpu", backend="openvino")
compile_module(torch.nn.Linear(2, 2).eval(), device, (1, 2))
yunet.compile_net(device)
import openvino
assert openvino.convert_model(torch.nn.Linear(2, 2).eval(), example_input=torch.zeros(1, 2))
print("telemetry" if "openvino_telemetry" in sys.modules else "none")
"""


def test_requirement_10_openvino_tells_nobody_and_writes_nothing_at_home(tmp_path: Path) -> None:
    # CI=true would switch its telemetry off by itself.
    kept = {
        name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        env={**kept, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["none"]
    assert list(tmp_path.rglob("*intel*")) == []


def test_importing_the_runtime_loads_no_heavy_library() -> None:
    code = "import sys, retrofr.runtime; print([m for m in ('torch', 'openvino', 'onnx', 'cv2') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
