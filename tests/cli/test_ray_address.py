"""``--ray-address`` of ``retrofr index``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clips import make_clip


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    clip = make_clip(tmp_path / "cam1.mp4", frames=3)
    return ("index", str(clip), "--case", str(tmp_path / "case"), "--quiet")


@pytest.mark.parametrize("engine", [(), ("--engine", "inline")])
def test_it_goes_with_ray_alone(run: Any, arguments: tuple[str, ...], engine: tuple[str, ...]) -> None:
    result = run(*arguments, "--ray-address", "auto", *engine)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("error: --ray-address: goes with --engine ray alone\n       add --engine ray\n")
    assert not Path(arguments[3]).exists()


def test_where_nothing_answers_the_next_step_is_told(run: Any, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--engine", "ray", "--ray-address", "127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --ray-address: no Ray cluster answers at 127.0.0.1:1 (Connection refused)\n"
        "       start one with `ray start --head` and name its HOST:PORT, or leave --ray-address out to run on this "
        "machine\n"
    )
