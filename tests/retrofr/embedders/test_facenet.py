"""FaceNet, with random weights of the right shape, from a server on loopback to a vector."""

from __future__ import annotations

import functools
import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from retrofr.download import pull
from retrofr.embedders import facenet
from retrofr.errors import SettingsError, WeightsError
from retrofr.runtime import resolve_device
from retrofr.weights import State, check_weights

CASIA = facenet.Settings(weights="casia-webface")


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def net() -> InceptionResnetV1:
    torch.manual_seed(0)
    net = InceptionResnetV1().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net


@pytest.fixture(scope="module")
def mirror(net: InceptionResnetV1, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a file like the official one: the net's weights and the layer that told people apart."""
    folder = tmp_path_factory.mktemp("mirror")
    state = {**net.state_dict(), "logits.weight": torch.zeros(10, 512), "logits.bias": torch.zeros(10)}
    torch.save(state, folder / facenet.CASIA_WEIGHTS.file_name)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def models(tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path))
    monkeypatch.setenv("RETROFR_WEIGHTS_URL_BASE", mirror)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


@pytest.mark.slow
def test_downloaded_weights_give_what_facenet_pytorch_gives(models: Path, net: InceptionResnetV1) -> None:
    path = pull(facenet.CASIA_WEIGHTS)
    record = (models / f"{path.name}.sha256").read_text()
    assert record.split()[0] == hashlib.sha256(path.read_bytes()).hexdigest()
    embedder = facenet.build(CASIA, resolve_device("cpu"))
    chips = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), np.uint8)
    with torch.inference_mode():
        planes = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 128
        expected = net(planes).numpy()
    ours = embedder.embed(chips)
    assert ours.shape == (3, 512)
    assert np.abs(ours - expected).max() <= 1e-4
    assert embedder.weights is facenet.CASIA_WEIGHTS


def test_altered_weights_are_not_loaded(models: Path) -> None:
    path = pull(facenet.CASIA_WEIGHTS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not the file it should be"):
        facenet.build(CASIA, resolve_device("cpu"))


def test_the_official_digest_of_vggface2_is_held_to(models: Path, mirror: str) -> None:
    assert facenet.VGGFACE2_WEIGHTS.sha256 is not None
    (models / facenet.VGGFACE2_WEIGHTS.file_name).write_bytes(b"something else")
    assert check_weights(facenet.VGGFACE2_WEIGHTS).state is State.WRONG_DIGEST


def test_absent_weights_say_how_to_get_them(models: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        facenet.build(facenet.Settings(), resolve_device("cpu"))
    assert str(caught.value) == (
        "facenet-vggface2: these weights are not on this machine\n"
        "`retrofr models pull facenet-vggface2` downloads them"
    )


def test_other_weights_are_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="'imagenet' is not one of vggface2, casia-webface"):
        facenet.Settings(weights="imagenet")


def _saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class _RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must not run",))


@pytest.mark.parametrize(
    "content",
    [b"", b"not a torch file", _saved({"a": torch.zeros(1)}), _saved([1, 2]), _saved({"x": _RunsCode()})],
    ids=["empty", "text", "another net", "a list", "code"],
)
def test_files_that_are_not_this_net_are_refused(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    from retrofr.embedders._facenet_net import read_facenet

    with pytest.raises(WeightsError, match=r"facenet: does not hold the weights of InceptionResnetV1 \("):
        read_facenet(content, "facenet")
    assert "must not run" not in capsys.readouterr().out
