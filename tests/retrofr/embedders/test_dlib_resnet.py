"""dlib-resnet gives what dlib gives, and its reader accepts nothing but dlib's file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.embedders import dlib_resnet
from retrofr.embedders._dlib_format import read_dlib_network
from retrofr.embedders.base import ChipSpec
from retrofr.errors import WeightsError
from retrofr.records import Pixels
from retrofr.runtime import resolve_device
from retrofr.weights import find_weights, read_weights

PLAIN = dlib_resnet.Settings(mirror=False)


@pytest.fixture(scope="module")
def content() -> bytes:
    return read_weights(dlib_resnet.DLIB_RESNET_WEIGHTS)


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_it_gives_what_dlib_gives(backend: str, real_chips: Callable[[ChipSpec], Pixels]) -> None:
    chips = real_chips(dlib_resnet.CHIP)
    path = find_weights(dlib_resnet.DLIB_RESNET_WEIGHTS)
    theirs = dlib.face_recognition_model_v1(str(path))
    expected = np.array([theirs.compute_face_descriptor(chip) for chip in chips], np.float32)
    ours = dlib_resnet.build(PLAIN, resolve_device("cpu", backend=backend)).embed(chips)
    assert np.abs(ours - expected).max() <= 1e-4


def test_the_weights_are_found_without_running_the_package() -> None:
    assert importlib.util.find_spec("face_recognition_models") is not None
    path = find_weights(dlib_resnet.DLIB_RESNET_WEIGHTS)
    assert isinstance(path, Path)
    assert path.name == "dlib_face_recognition_resnet_model_v1.dat"


def test_the_score_is_one_minus_the_distance() -> None:
    embedder = dlib_resnet.DlibResnet(lambda chips: (np.zeros((0, 128), np.float32),), PLAIN)
    points = np.array([[0.0, 0.0], [0.3, 0.4], [3.0, 4.0]], np.float32)
    np.testing.assert_allclose(embedder.compare(points[:1], points), [[1.0, 0.5, -4.0]], atol=1e-6)


def test_the_network_is_what_its_author_describes(content: bytes) -> None:
    network = read_dlib_network(content, "dlib-resnet")
    assert len(network.convolutions) == 29
    assert network.descriptor.shape == (128, 256)
    assert network.side_pixels == 150
    np.testing.assert_allclose(network.mean_rgb, (122.782, 117.001, 104.298), atol=1e-5)


@given(length=st.integers(0, 22_466_065))
@settings(max_examples=25, deadline=None)
def test_a_cut_file_is_refused(content: bytes, length: int) -> None:
    with pytest.raises(WeightsError, match="dlib-resnet: not dlib's face network: byte"):
        read_dlib_network(content[:length], "dlib-resnet")


@given(position=st.integers(0, 250), bit=st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_a_damaged_header_is_refused_or_changes_only_values(content: bytes, position: int, bit: int) -> None:
    damaged = bytearray(content)
    damaged[position] ^= 1 << bit
    try:
        network = read_dlib_network(bytes(damaged), "dlib-resnet")
    except WeightsError:
        return
    assert (
        len(network.convolutions) == 29
    )  # a flipped bit in the mean colour or in a margin cannot be seen here


def test_bytes_behind_the_end_are_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="3 bytes are left over"):
        read_dlib_network(content + b"abc", "dlib-resnet")
