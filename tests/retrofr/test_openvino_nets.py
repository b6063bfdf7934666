"""A kept net gives bit for bit what a freshly converted one gives, and a bad one is converted again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from retrofr import converted_nets, openvino_nets
from retrofr.converted_nets import CACHE_VARIABLE
from retrofr.detectors import yunet
from retrofr.embedders import dlib_resnet, sface
from retrofr.openvino_import import InputForm
from retrofr.openvino_nets import kept_or_converted, run_kept_or_converted, run_model
from retrofr.runtime import resolve_device

FORM = InputForm((1, 8, 8, 3), (0, 1, 2), np.uint8)
BATCH = np.random.default_rng(3).integers(0, 256, (4, 20, 24, 3), np.uint8)


class Net(nn.Module):
    """A few layers with weights that are not round."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(8), nn.Conv2d(8, 4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x.permute(0, 3, 1, 2).float() / 255)
        return out


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "nets"


class Made:
    """Makes the net and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> nn.Module:
        self.times += 1
        return Net().eval()

    def outputs(self) -> Any:
        model = kept_or_converted("net", "ab" * 32, self, FORM)
        return run_model(model, 2, "net")(BATCH)[0]


def test_a_kept_net_gives_the_same_bits_and_is_not_made_again(cache: Path) -> None:
    made = Made()
    first, second = made.outputs(), made.outputs()
    assert made.times == 1
    np.testing.assert_array_equal(first, second)
    with torch.inference_mode():
        expected = Net().eval()(torch.from_numpy(BATCH)).numpy()
    np.testing.assert_allclose(first, expected, atol=1e-6)


def test_without_a_cache_the_bits_are_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Made().outputs()
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    made = Made()
    np.testing.assert_array_equal(made.outputs(), kept)
    np.testing.assert_array_equal(made.outputs(), kept)
    assert made.times == 2


def test_a_damaged_file_is_converted_again(cache: Path) -> None:
    made = Made()
    expected = made.outputs()
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    content[-50] ^= 255
    path.write_bytes(content)
    np.testing.assert_array_equal(made.outputs(), expected)
    assert made.times == 2
    made.outputs()
    assert made.times == 2, "the file was written anew"


def test_a_graph_that_openvino_cannot_read_is_converted_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made()
    expected = made.outputs()
    garbage = converted_nets.ConvertedNet(b"<net/>", memoryview(b""))
    monkeypatch.setattr("retrofr.openvino_nets.read_net", lambda name, terms: garbage)
    np.testing.assert_array_equal(made.outputs(), expected)
    assert made.times == 2


def test_other_weights_or_another_form_are_other_nets(cache: Path) -> None:
    made = Made()
    made.outputs()
    kept_or_converted("net", "cd" * 32, made, FORM)
    kept_or_converted("net", "ab" * 32, made, InputForm((1, 16, 16, 3), (0,), np.uint8))
    kept_or_converted("other", "ab" * 32, made, FORM)
    assert made.times == 4


class Compiling:
    """Runs the net as commands do, and counts how often OpenVINO compiled it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made, self.times = Made(), 0
        compile_net = openvino_nets._compile

        def counted(*arguments: Any) -> Any:
            self.times += 1
            return compile_net(*arguments)

        monkeypatch.setattr(openvino_nets, "_compile", counted)

    def run(self, threads: int = 2, *, when_needed: bool = False) -> Any:
        return run_kept_or_converted("net", "ab" * 32, self.made, FORM, threads, when_needed=when_needed)


def kept_files(cache: Path) -> dict[str, Path]:
    return {path.name.rpartition("-")[0]: path for path in cache.iterdir()}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_net_compiled_before_gives_the_same_bits_and_is_not_compiled_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    compiling = Compiling(monkeypatch)
    first, second = compiling.run()(BATCH)[0], compiling.run(threads)(BATCH)[0]
    assert (compiling.made.times, compiling.times) == (1, 1)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, Made().outputs())
    assert sorted(kept_files(cache)) == ["net", "net-compiled"]


def test_a_net_compiled_for_another_processor_is_not_used(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling = Compiling(monkeypatch)
    expected = compiling.run()(BATCH)[0]
    monkeypatch.setattr(openvino_nets, "processor_sha256", lambda: "ef" * 32)
    np.testing.assert_array_equal(compiling.run()(BATCH)[0], expected)
    assert (compiling.made.times, compiling.times) == (1, 2), "compiled again, of the net that was converted"


@pytest.mark.parametrize("kind", ["damaged", "garbage"])
def test_a_compiled_net_that_cannot_be_used_is_compiled_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    compiling = Compiling(monkeypatch)
    expected = compiling.run()(BATCH)[0]
    path = kept_files(cache)["net-compiled"]
    content = bytearray(path.read_bytes())
    content[-50] ^= 255
    path.write_bytes(content)
    if kind == "garbage":  # whole, and not for this version of OpenVINO
        converted_nets.keep_net(
            "net-compiled",
            openvino_nets._compiled_terms(
                converted_nets.conversion_terms("ab" * 32, net="net", **FORM.terms())
            ),
            converted_nets.ConvertedNet(b"", memoryview(b"no net")),
        )
    np.testing.assert_array_equal(compiling.run()(BATCH)[0], expected)
    assert (compiling.made.times, compiling.times) == (1, 2)
    compiling.run()
    assert compiling.times == 2, "the file was written anew"


def test_a_kept_net_that_is_not_needed_yet_is_not_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiling = Compiling(monkeypatch)
    expected = compiling.run()(BATCH)[0]
    read: list[str] = []
    read_net = converted_nets.read_net

    def listed(name: str, terms: Any) -> Any:
        read.append(name)
        return read_net(name, terms)

    monkeypatch.setattr(openvino_nets, "read_net", listed)
    run = compiling.run(when_needed=True)
    assert read == []
    np.testing.assert_array_equal(run(BATCH)[0], expected)
    np.testing.assert_array_equal(run(BATCH)[0], expected)
    assert read == ["net-compiled"]


def test_a_net_that_must_be_converted_is_made_ready_at_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure belongs to the beginning of a run, not behind hours of footage without a face."""
    compiling = Compiling(monkeypatch)
    compiling.run(when_needed=True)
    assert (compiling.made.times, compiling.times) == (1, 1)


def test_a_net_that_is_damaged_when_it_is_needed_is_made_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling = Compiling(monkeypatch)
    expected = compiling.run()(BATCH)[0]
    run = compiling.run(when_needed=True)
    for path in kept_files(cache).values():
        path.write_bytes(b"nothing")
    np.testing.assert_array_equal(run(BATCH)[0], expected)
    assert (compiling.made.times, compiling.times) == (2, 2)


WARM = """
import sys
import numpy as np
from retrofr.detectors import yunet
from retrofr.embedders import dlib_resnet, sface
from retrofr.runtime import resolve_device
device = resolve_device("cpu")
picture = np.load(sys.argv[1])
for part, side in ((sface, 112), (dlib_resnet, 150)):
    sys.stdout.write(part.build(part.SETTINGS(), device).embed(picture[None, :side, :side]).tobytes().hex() + "\\n")
for output in yunet.compile_net(device)(picture[None]):
    sys.stdout.write(output.tobytes().hex()[:4000] + "\\n")
print([name for name in ("torch", "onnx", "openvino.tools.ovc") if name in sys.modules])
"""


def test_with_kept_nets_another_process_gives_the_same_bits_without_torch(tmp_path: Path) -> None:
    device = resolve_device("cpu")
    picture = np.random.default_rng(5).integers(0, 256, (160, 160, 3), np.uint8)
    np.save(tmp_path / "picture.npy", picture)
    expected = []
    for part, side in ((sface, 112), (dlib_resnet, 150)):
        embedder: Any = part.build(part.SETTINGS(), device)
        expected.append(embedder.embed(picture[None, :side, :side]).tobytes().hex())
    expected += [output.tobytes().hex()[:4000] for output in yunet.compile_net(device)(picture[None])]
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(tmp_path / "picture.npy")],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    *given, heavy = done.stdout.splitlines()
    assert given == expected
    assert heavy == "[]"
