"""Parts are found by file name, loaded when asked for, and never replaced by another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from retrofr import registry
from retrofr.errors import ModelError, UsageError


def test_unknown_part_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("detectors", "yolo")
    assert str(caught.value) == "no detector is called 'yolo'\nthere are: mtcnn, yunet"


def test_unknown_index_is_called_index() -> None:
    with pytest.raises(UsageError, match=r"^no index is called 'faiss'\nthere are: annoy, auto, exact$"):
        registry.load("indexes", "faiss")


def test_a_part_that_cannot_be_imported_says_why_and_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def load(self) -> None:
            raise ImportError("no module named 'warp'")

    monkeypatch.setattr(registry, "_foreign", lambda _kind: {"warp": Broken()})
    with pytest.raises(ModelError, match=r"^detector warp: cannot be loaded \(no module named 'warp'\)"):
        registry.load("detectors", "warp")
    problems = {status.name: status.problem for status in registry.listing("detectors")}
    assert problems["yunet"] is None
    assert "no module named 'warp'" in str(problems["warp"])


def test_listing_every_part_imports_no_heavy_library() -> None:
    code = (
        "import sys; from retrofr import registry\n"
        "for kind in registry.KINDS: assert registry.listing(kind), kind\n"
        "print(sorted({'torch', 'av', 'annoy', 'openvino'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
