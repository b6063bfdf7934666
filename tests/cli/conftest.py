"""A search that gives what it is told to, a way to run commands, and golden files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from clips import make_clip
from fakes import COLOURS, draw_face, scene, walker
from fixed_results import search_result
from retrofr.events import Event, Listener
from retrofr.results import SearchResult

GOLDEN = Path(__file__).parent / "golden"
UPDATE_VARIABLE = "UPDATE_GOLDEN"


@dataclass
class FakeSearch:
    """Stands in for ``retrofr.pipeline.search``: remembers what it was asked and gives what it was told to."""

    gives: SearchResult = field(default_factory=search_result)
    raises: BaseException | None = None
    events: Sequence[Event] = ()
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self, footage: Sequence[str], probes: Sequence[str], *, listener: Listener, **options: Any
    ) -> SearchResult:
        self.calls.append({"footage": list(footage), "probes": list(probes), **options})
        for event in self.events:
            listener(event)
        if self.raises is not None:
            raise self.raises
        return self.gives


@pytest.fixture
def fake_search(monkeypatch: pytest.MonkeyPatch) -> FakeSearch:
    """The command line finds this instead of the pipeline."""
    fake = FakeSearch()
    module = ModuleType("retrofr.pipeline")
    module.search = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "retrofr.pipeline", module)
    return fake


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process: ``run("search", "a.mp4", "--probe", "p.jpg")``."""
    from retrofr_cli.main import cli

    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "RETROFR_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str | Path, columns: int | None = None) -> Result:
        env = {"COLUMNS": str(columns)} if columns else None
        return CliRunner().invoke(cli, [str(a) for a in arguments], env=env)

    return invoke


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a whole output with a file of ``golden/``; with UPDATE_GOLDEN=1 the file is written instead."""

    def compare(name: str, output: str) -> None:
        path = GOLDEN / name
        if os.environ.get(UPDATE_VARIABLE) == "1":
            path.write_bytes(output.encode())
            pytest.skip(f"wrote {name}")
        assert output.encode() == path.read_bytes()

    return compare


@pytest.fixture
def good(tmp_path: Path, fake_parts: object) -> tuple[Path, Path]:
    """A folder with one clip in which the person of the probe walks by, and the probe."""
    folder = tmp_path / "footage"
    folder.mkdir()
    make_clip(folder / "cam1.mp4", frames=50, picture=walker)
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80, 100)
    probe = tmp_path / "red.png"
    Image.fromarray(image).save(probe)
    return folder, probe
