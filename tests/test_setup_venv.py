"""How .venv is made: what is in place is left alone, and what was cut short is started over."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
THIS = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Setup:
    """The setup script on a scratch tree, with its installers replaced by a list of what they were asked for."""

    def __init__(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "requirements.lock",
            "requirements-dev.lock",
            "requirements-bootstrap.lock",
            "pyproject.toml",
        ):
            shutil.copy(ROOT / name, tree / name)
        (tree / "retrofr").mkdir()
        shutil.copy(ROOT / "retrofr" / "__init__.py", tree / "retrofr")
        self.tree = tree
        self.steps: list[str] = []
        self.python: str | None = None
        self.cut_short_at = ""
        self.script = load_script()
        self.use_tree(tree, monkeypatch)
        monkeypatch.setattr(self.script, "run", self.note_install)
        monkeypatch.setattr(self.script.subprocess, "check_call", self.note_new_venv)
        monkeypatch.setattr(self.script, "interpreter_version", lambda: self.python)

    def use_tree(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.script, "TREE", tree)
        monkeypatch.setattr(self.script, "VENV", tree / ".venv")
        monkeypatch.setattr(self.script, "STATE", tree / ".venv" / "retrofr-setup.json")

    def note_install(self, command: list[str]) -> None:
        self.steps.append(command[-1])
        if command[-1] == self.cut_short_at:
            raise KeyboardInterrupt

    def note_new_venv(self, command: list[str]) -> None:
        assert command[1:4] == ["-m", "venv", "--clear"]
        shutil.rmtree(command[4], ignore_errors=True)
        Path(command[4]).mkdir()
        self.python = THIS
        self.steps.append("new .venv")

    def __call__(self, what: str, this_python: bool = False) -> list[str]:
        """The steps taken for one call."""
        self.steps.clear()
        self.script.set_up(what, this_python)
        return list(self.steps)


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_venv_of_the_test", ROOT / ".ci" / "setup_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    (tmp_path / "tree").mkdir()
    return Setup(tmp_path / "tree", monkeypatch)


RUN = ["requirements-bootstrap.lock", "requirements.lock", "."]


def test_a_first_run_installs_and_a_second_does_nothing(setup: Setup) -> None:
    assert setup("run") == ["new .venv", *RUN]
    assert setup("run") == []


def test_demo_and_test_share_one_environment(setup: Setup) -> None:
    setup("run")
    assert setup("dev") == ["requirements-dev.lock"]
    assert setup("run") == []
    assert setup("dev") == []


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ("requirements.lock", ["requirements.lock"]),
        ("requirements-bootstrap.lock", ["requirements-bootstrap.lock"]),
        ("pyproject.toml", ["."]),
        ("retrofr/__init__.py", ["."]),
    ],
)
def test_only_what_changed_is_installed_again(setup: Setup, changed: str, steps: list[str]) -> None:
    setup("run")
    (setup.tree / changed).write_text((setup.tree / changed).read_text() + "\n# changed\n")
    assert setup("run") == steps
    assert setup("run") == []


def test_a_version_control_checkout_with_new_dates_changes_nothing(setup: Setup) -> None:
    setup("run")
    (setup.tree / "requirements.lock").touch()
    assert setup("run") == []


@pytest.mark.parametrize("step", ["requirements.lock", "."])
def test_an_install_that_was_cut_short_starts_over(
    setup: Setup, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    setup.cut_short_at = step
    with pytest.raises(KeyboardInterrupt):
        setup("run")
    setup.cut_short_at = ""
    assert setup("run") == ["new .venv", *RUN]
    assert "An earlier install was cut short; making .venv anew\n" in capsys.readouterr().err


def test_a_moved_tree_gets_a_new_environment(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setup("run")
    setup.use_tree(setup.tree.rename(setup.tree.with_name("moved")), monkeypatch)
    assert setup("run") == ["new .venv", *RUN]
    assert "This tree was moved; making .venv anew\n" in capsys.readouterr().err


def test_an_environment_whose_python_is_gone_is_made_anew(setup: Setup) -> None:
    setup("run")
    setup.python = None
    assert setup("run") == ["new .venv", *RUN]


def test_another_python_is_only_taken_when_it_is_asked_for(setup: Setup) -> None:
    setup("run")
    setup.python = "3.11" if THIS != "3.11" else "3.12"
    assert setup("run") == []
    assert setup("run", this_python=True) == ["new .venv", *RUN]


def test_a_working_environment_made_by_hand_is_kept(setup: Setup) -> None:
    (setup.tree / ".venv").mkdir()
    setup.python = THIS
    assert setup("run") == RUN


def test_the_state_is_written_whole(setup: Setup) -> None:
    setup("dev")
    state = json.loads((setup.tree / ".venv" / "retrofr-setup.json").read_text())
    assert set(state) == {
        "tree",
        "package",
        "requirements-bootstrap.lock",
        "requirements.lock",
        "requirements-dev.lock",
    }
    assert [path.name for path in (setup.tree / ".venv").iterdir()] == ["retrofr-setup.json"]
