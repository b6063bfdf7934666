"""One bundle for all tests of a module, as within it other parts are registered; whoever alters it takes a copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bundled as support
from bundled import Bundled


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundled]:
    with support.bundled(tmp_path_factory.mktemp("bundled")) as there:
        yield there
