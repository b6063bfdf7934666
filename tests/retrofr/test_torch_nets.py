"""Nets run by torch as suits a GPU, here on the CPU: the same results, no memory shared, memory that runs out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from retrofr import torch_nets
from retrofr.errors import ModelError
from retrofr.runtime import Device, compile_module
from retrofr.torch_nets import torch_run

PLACE = torch.device("cpu")
LIKE_A_GPU = Device("cpu", 0, "A Processor", "torch", "2", 1, "float16")


class Net(nn.Module):
    """A little of what our nets are made of; two outputs, the second of which is a part of another."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.register_buffer("mean", torch.tensor(127.3))
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm, self.slope = nn.BatchNorm2d(8), nn.PReLU(8)
        self.last = nn.Linear(8, 4)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.slope(self.norm(self.first((pixels.permute(0, 3, 1, 2).float() - self.mean) / 128)))
        return self.last(x.mean(dim=(2, 3))), x[:, 2:]


def batch(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_the_quick_way_gives_what_the_plain_way_gives() -> None:
    plain = torch_run(Net(), PLACE, threads=1)
    quick = torch_run(Net(), PLACE, threads=1, quick=True)
    # Larger, smaller and of other proportions than before: the same memory is used again.
    for shape in [(2, 8, 8), (5, 16, 12), (1, 4, 4), (5, 16, 12), (0, 8, 8)]:
        for one, other in zip(plain(batch(*shape)), quick(batch(*shape)), strict=True):
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_half_precision_is_close_and_comes_out_as_float32() -> None:
    plain = torch_run(Net(), PLACE, threads=1)
    half = torch_run(Net(), PLACE, threads=1, quick=True, half=True)
    for one, other in zip(plain(batch(4, 16, 16)), half(batch(4, 16, 16)), strict=True):
        assert other.dtype == np.float32
        assert not np.array_equal(one, other), "it was computed in float16"
        np.testing.assert_allclose(one, other, atol=3e-3)


def test_only_convolutions_and_slopes_are_halved() -> None:
    net = Net()
    torch_run(net, PLACE, threads=1, quick=True, half=True)
    types = {name: value.dtype for name, value in net.state_dict().items() if value.is_floating_point()}
    assert {name.partition(".")[0] for name, dtype in types.items() if dtype == torch.float16} == {
        "first",
        "slope",
    }
    assert types["mean"] == types["last.weight"] == types["norm.running_var"] == torch.float32
    assert net.first.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("half", [False, True])
def test_results_stay_when_the_net_runs_again(half: bool) -> None:
    run = torch_run(Net(), PLACE, threads=1, quick=True, half=half)
    given = batch(3, 8, 8)
    first, kept = run(given), given.copy()
    before = [output.copy() for output in first]
    run(255 - given)
    assert all(np.array_equal(one, other) for one, other in zip(first, before, strict=True))
    assert np.array_equal(given, kept)


def test_pictures_that_lie_otherwise_in_memory() -> None:
    run = torch_run(Net(), PLACE, threads=1, quick=True)
    given = batch(3, 8, 10)
    for one, other in zip(run(given[:, :, ::-1]), run(given[:, :, ::-1].copy()), strict=True):
        assert np.array_equal(one, other)


def test_what_float16_cannot_hold_is_an_error() -> None:
    net = Net()
    nn.init.constant_(net.first.weight, 1e4)
    run = torch_run(net, PLACE, threads=1, quick=True, half=True)
    with pytest.raises(ModelError) as caught:
        run(np.full((1, 8, 8, 3), 255, np.uint8))
    assert str(caught.value) == (
        "cpu: a number went beyond what float16 holds\n"
        "set the environment variable RETROFR_PRECISION to float32"
    )


@pytest.mark.parametrize(("half", "wanted"), [(True, torch.float16), (False, torch.float32)])
def test_a_device_of_half_precision_halves_only_nets_that_may(half: bool, wanted: torch.dtype) -> None:
    net = Net()
    compile_module(net, LIKE_A_GPU, (1, 8, 8, 3), dtype=np.uint8, half=half)
    assert net.first.weight.dtype == wanted


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    "raised",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
    ids=["torch", "driver", "cuBLAS", "cuDNN"],
)
def test_a_gpu_without_memory_gets_smaller_batches(quick: bool, raised: Exception) -> None:
    sizes = []

    class Hungry(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sizes.append(len(x))
            if len(x) > 3:
                raise raised
            return x.float() * 2

    device = LIKE_A_GPU if quick else Device("cpu", 0, "A Processor", "torch", "2", 1)
    run = compile_module(Hungry(), device, (1, 2), dtype=np.uint8, cpu_batch=16)
    given = np.arange(40, dtype=np.uint8).reshape(20, 2)
    assert np.array_equal(run(given)[0], given.astype(np.float32) * 2)
    assert sizes == [16, 8, 4] + [2] * 10
    assert run.largest_batch == 2


def test_no_memory_for_the_weights_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    net = Net()
    monkeypatch.setattr(net, "to", refuse)
    with pytest.raises(ModelError) as caught:
        torch_run(net, PLACE, threads=1)
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        "cpu: there is no memory for this net\nclose what else uses its memory, or run with --device cpu"
    )


def test_nets_of_two_threads_leave_torchs_settings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    seen = set()

    class Watching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.add((torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32))
            return x.float()

    runs = [torch_run(Watching(), PLACE, threads=1, quick=True) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for result in [pool.submit(run, batch(2, 4, 4)) for _ in range(200) for run in runs]:
            result.result()
    assert seen == {(True, False)}
    assert torch.backends.cudnn.deterministic is False


class Place:
    """Stands for a GPU in what is asked of a place; tensors and weights stay here."""

    type = "cuda"


def test_on_a_gpu_results_are_read_when_its_stream_has_come_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of what is asked of CUDA; that CUDA is asked rightly only a GPU can show."""
    happened: list[object] = []
    net = Net().eval()
    empty, to = torch.empty, torch.Tensor.to

    class Stream:
        def __init__(self, place: Place) -> None:
            happened.append(("stream on", place.type))

    class Event:
        def __init__(self, *, blocking: bool) -> None:
            assert blocking

        def record(self, stream: Stream) -> None:
            assert isinstance(stream, Stream)
            happened.append("recorded")

        def synchronize(self) -> None:
            happened.append("waited")

    @contextmanager
    def on(_: Stream) -> Iterator[None]:
        happened.append("begin")
        yield
        happened.append("end")

    def empty_here(size: int, *, dtype: torch.dtype, pin_memory: bool) -> torch.Tensor:
        happened.append(("page-locked", pin_memory, size))
        return empty(size, dtype=dtype)

    def moved(tensor: torch.Tensor, *where: object, **how: object) -> torch.Tensor:
        if not isinstance(where[0], Place):
            return to(tensor, *where, **how)  # type: ignore[no-any-return,call-overload]
        happened.append(("sent", tuple(how.items())))
        return tensor

    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: happened.append("weights are there"))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch, "empty", empty_here)
    monkeypatch.setattr(torch.Tensor, "to", moved)
    run = torch_nets._Quick(net, Place(), half=False)  # type: ignore[arg-type]
    given = batch(2, 4, 4)
    results = run(given)
    assert happened == [
        "weights are there",
        ("stream on", "cuda"),
        "begin",
        ("page-locked", True, 2 * 4 * 4 * 3),
        ("sent", (("non_blocking", True),)),
        ("page-locked", True, 2 * 4 * 4),
        ("page-locked", True, 2 * 6 * 4 * 4 * 4),
        "recorded",
        "end",
        "waited",
    ]
    monkeypatch.undo()
    for one, other in zip(torch_run(Net(), PLACE, threads=1)(given), results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_memory_grows_to_the_largest_batch_and_no_further() -> None:
    run = torch_run(Net(), PLACE, threads=1, quick=True)
    assert isinstance(run, torch_nets._Quick)
    places = []
    for count in (4, 1, 4, 2):
        run(batch(count, 8, 8))
        assert run._inputs._memory is not None
        places.append((run._inputs._memory.data_ptr(), len(run._inputs._memory)))
    assert set(places) == {(places[0][0], 4 * 8 * 8 * 3)}
