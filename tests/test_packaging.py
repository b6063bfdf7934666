"""The package as it is built and installed: regular, from the source distribution, and editable.

Everything is built from a copy of the tree, with what is already installed: no network, no isolation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"retrofr": "retrofr", "cli": "retrofr_cli"}

IMPORTS = (
    "import retrofr, retrofr_cli.main, importlib.metadata as m, pathlib;"
    "print(pathlib.Path(retrofr.__file__).resolve());"
    "print(pathlib.Path(retrofr_cli.main.__file__).resolve());"
    "print(m.version('retrofr') == retrofr.__version__)"
)


def packages_on_disk() -> set[str]:
    """Dotted names of all folders with an __init__.py under the folders that are packaged."""
    return {
        ".".join([name, *init.parent.relative_to(ROOT / folder).parts])
        for folder, name in FOLDERS.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }


def test_the_package_list_is_what_the_folders_say() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = pyproject["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages_on_disk()


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed, in an environment that knows nothing of the checkout."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))
    }
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_tree(to: Path) -> Path:
    """The tree without what git ignores."""
    ignored = shutil.ignore_patterns(
        ".git",
        ".venv",
        "__pycache__",
        "*.egg-info",
        "build",
        "dist",
        "footage",
        "demo-out",
        ".*_cache",
        ".hypothesis",
    )
    shutil.copytree(ROOT, to, ignore=ignored)
    (to / "samples" / "footage").mkdir(parents=True)
    (to / "samples" / "footage" / "rendered.mp4").write_bytes(
        b"made by make demo, not part of a distribution"
    )
    return to


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An sdist, a wheel made from that sdist, and a wheel made from the tree."""
    folder = tmp_path_factory.mktemp("built")
    tree = copy_tree(folder / "tree")
    build = (sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check")
    run(*build, "--outdir", folder / "dist", tree, cwd=folder)
    run(*build, "--wheel", "--outdir", folder / "direct", tree, cwd=folder)
    return {
        "sdist": next((folder / "dist").glob("*.tar.gz")),
        "from sdist": next((folder / "dist").glob("*.whl")),
        "from tree": next((folder / "direct").glob("*.whl")),
    }


def scratch_python(folder: Path) -> Path:
    """A new environment that sees the dependencies of this one but none of its editable installs."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    own = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder.parent
    ).strip()
    # A folder named in a .pth is searched last, and the .pth files inside it (the editable finder) are not read.
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python: Path, *what: str | Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"),
        *("--no-build-isolation", "--disable-pip-version-check", *what),
        cwd=python.parent,
    )


def check_install(python: Path, at: Path, cli_folder: Path) -> None:
    """The command and the imports work from a foreign folder and come from where they were installed."""
    elsewhere = python.parent.parent / "elsewhere"
    elsewhere.mkdir()
    assert run(python.parent / "retrofr", "--version", cwd=elsewhere).strip().endswith(source_version())
    library, command, same = run(python, "-c", IMPORTS, cwd=elsewhere).splitlines()
    assert Path(library) == at / "retrofr" / "__init__.py"
    assert Path(command) == cli_folder / "main.py"
    assert same == "True"


def source_version() -> str:
    """The version as the source states it."""
    text = (ROOT / "retrofr" / "__init__.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
@pytest.mark.parametrize("kind", ["from tree", "from sdist"])
def test_a_wheel_installs_and_runs(built: dict[str, Path], kind: str, tmp_path: Path) -> None:
    python = scratch_python(tmp_path / "venv")
    install(python, built[kind])
    own = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    check_install(python, own.resolve(), own.resolve() / "retrofr_cli")


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
def test_an_editable_install_runs_and_follows_the_tree(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree").resolve()
    python = scratch_python(tmp_path / "venv")
    install(python, "--editable", tree)
    check_install(python, tree, tree / "cli")
    (tree / "cli" / "added_later.py").write_text("ANSWER = 42\n")
    added = run(python, "-c", "from retrofr_cli.added_later import ANSWER; print(ANSWER)", cwd=tmp_path)
    assert added == "42\n"


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
def test_what_a_wheel_contains(built: dict[str, Path]) -> None:
    names = set(zipfile.ZipFile(built["from tree"]).namelist())
    assert names == set(zipfile.ZipFile(built["from sdist"]).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"retrofr", "retrofr_cli"}
    wanted = {"retrofr/py.typed"}
    for folder, name in FOLDERS.items():
        wanted |= {f"{name}/{path.relative_to(ROOT / folder)}" for path in (ROOT / folder).rglob("*.py")}
    data = ROOT / "retrofr" / "data"
    wanted |= {f"retrofr/data/{path.relative_to(data).as_posix()}" for path in data.rglob("*.toml")}
    for package in ("evaluation", "reporting"):
        templates = ROOT / "retrofr" / package / "templates"
        wanted |= {f"retrofr/{package}/templates/{path.name}" for path in templates.iterdir()}
    wanted.add("retrofr/pages/page.css")
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
def test_what_the_source_distribution_contains(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {member.name.split("/", 1)[1] for member in archive.getmembers() if member.isfile()}
    for wanted in ("LICENSE", "README.md", "CHANGELOG.md", "Makefile", ".ci/run", "requirements.lock"):
        assert wanted in names
    for folder in ("samples", "tests", "docs", "benchmarks"):
        on_disk = {
            str(path.relative_to(ROOT))
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not {"__pycache__", "footage"} & set(path.parts)
        }
        assert on_disk - names == set()
    assert not [name for name in names if name.startswith("samples/footage/")]
