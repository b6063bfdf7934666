"""Help: complete, with examples, quick, and without loading anything heavy."""

from __future__ import annotations

import dataclasses
import resource
import subprocess
import sys
from typing import Any

import click
import pytest

from retrofr.settings import SamplingSettings
from retrofr_cli.main import cli

HEAVY = (
    "torch",
    "av",
    "numpy",
    "cv2",
    "annoy",
    "openvino",
    "rich",
    "onnx",
    "PIL",
    "retrofr.records",
    "retrofr.pipeline",
)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_help_with_examples(run: Any, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"  retrofr {' '.join(path)}".rstrip() in result.stdout.split("xample", 1)[1]
    assert result.stdout == run(*path, "-h").stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_loads_nothing_heavy(path: tuple[str, ...]) -> None:
    script = (
        "import sys\nfrom retrofr_cli.main import cli\n"
        f"try: cli.main({[*path, '--help']!r})\nexcept SystemExit: pass\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stderr == "[]\n"


def test_help_comes_at_once() -> None:
    """In processor time: on a busy machine the wall clock says little about the program."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "retrofr_cli", "search", "--help"], check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.3, f"the quickest of five took {min(taken):.2f} s"


def test_help_states_default_unit_and_bounds(run: Any) -> None:
    spec = next(f for f in dataclasses.fields(SamplingSettings) if f.name == "rate")
    text = " ".join(run("search", "--help").stdout.split())
    assert f"{spec.metadata['help']} [default 2 samples/s; 0.01 to 120]" in text


def test_version(run: Any) -> None:
    import retrofr

    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"retrofr {retrofr.__version__}\n")


def test_no_command_shows_the_help(run: Any) -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: retrofr [OPTIONS] COMMAND [ARGS]...")
