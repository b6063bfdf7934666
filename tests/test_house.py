"""The rules of the tree that no linter holds: sizes, documentation, lock files, and what must not be in it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = sorted((ROOT / "retrofr").rglob("*.py"))
SOURCES = LIBRARY + sorted((ROOT / "cli").rglob("*.py"))
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-bootstrap.lock"]

LONGEST_FILE = 330
LONGEST_FUNCTION = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def files_of_the_tree() -> list[Path]:
    """Every file that is or would be committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout, to tell what belongs to the tree")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_files_and_functions_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{where(path)} has {lines} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{where(path)}: {node.name} has {length} lines"


def undocumented(module: ast.Module) -> list[str]:
    """Public names of a module that lack a docstring; a part's ``build`` is documented in its ``base.py``."""
    missing = [] if ast.get_docstring(module) else ["the module"]
    for node in module.body:
        if (
            isinstance(node, Function | ast.ClassDef)
            and not node.name.startswith("_")
            and node.name != "build"
        ):
            missing += [] if ast.get_docstring(node) else [node.name]
    return missing


@pytest.mark.parametrize("path", LIBRARY, ids=where)
def test_public_names_of_the_library_are_documented(path: Path) -> None:
    private = path.name.startswith("_") and path.name != "__init__.py"
    missing = undocumented(tree_of(path))
    assert [name for name in missing if not private or name == "the module"] == []


def test_a_name_without_docstring_is_noticed() -> None:
    assert undocumented(ast.parse("def seen(): pass\ndef _hidden(): pass\nclass Seen: pass\n")) == [
        "the module",
        "seen",
        "Seen",
    ]


def unfinished(source: str) -> list[str]:
    """What a finished, silent library does not contain: notes to self, stubs, prints, swallowed exceptions."""
    found = re.findall(r"\bTODO\b|\bFIXME\b|\bXXX\b", source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc and "NotImplementedError" in ast.unparse(node.exc):
            found.append("raise NotImplementedError")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "print",
            "sys.exit",
            "exit",
            "breakpoint",
        }:
            found.append(ast.unparse(node.func))
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                found.append(f"broad except without raise, line {node.lineno}")
    return found


@pytest.mark.parametrize("path", LIBRARY, ids=where)
def test_the_library_is_finished_and_silent(path: Path) -> None:
    assert unfinished(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1  # TODO",
        "def f():\n    raise NotImplementedError('later')",
        "print(1)",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
    ],
)
def test_unfinished_code_is_noticed(source: str) -> None:
    assert len(unfinished(source)) == 1


def foreign_to_the_tree() -> re.Pattern[bytes]:
    """Hosts of package registries and paths of one machine; spelled in pieces, for this file is searched too."""
    hosts = [("py", "pi.org"), ("python", "hosted.org"), ("registry.npm", "js"), ("deb.deb", "ian.org")]
    paths = [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/opt/", "py")]
    escaped = [re.escape("".join(pieces)) for pieces in hosts]
    escaped += [r"(?<![\w.~}/-])" + re.escape("".join(pieces)) for pieces in paths]
    return re.compile("|".join(escaped).encode())


def test_the_tree_names_no_registry_and_no_machine() -> None:
    pattern = foreign_to_the_tree()
    found = {
        where(path): match.group().decode()
        for path in files_of_the_tree()
        if (match := pattern.search(path.read_bytes()))
    }
    assert found == {}


@pytest.mark.parametrize(
    "pieces", [("see https://py", "pi.org/x"), ("open('/wo", "rk/x')"), ("cd /ho", "me/a")]
)
def test_a_registry_or_machine_path_is_noticed(pieces: tuple[str, str]) -> None:
    assert foreign_to_the_tree().search("".join(pieces).encode())


# ---- lock files ----------------------------------------------------------------------------------------------


def pins(lock: str) -> dict[str, set[str]]:
    """Each requirement line of a lock file (with its marker) and its digests."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        requirement, *digests = line.split("--hash=")
        found[requirement.strip()] = {digest.strip() for digest in digests}
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_digests_and_no_address(lock: str) -> None:
    assert pins(lock)
    for requirement, digests in pins(lock).items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.+]+( ; .+)?", requirement), requirement
        assert digests, f"{requirement} has no digest"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-bootstrap.lock"])
def test_the_tools_lock_agrees_with_the_others(lock: str) -> None:
    dev = pins("requirements-dev.lock")
    shared = {line: digests for line, digests in pins(lock).items() if not line.startswith("uv==")}
    assert {line: dev.get(line) for line in shared} == shared


@pytest.mark.parametrize(
    ("lock", "groups"),
    [
        ("requirements.lock", []),
        ("requirements-dev.lock", ["test", "lint"]),
        ("requirements-bootstrap.lock", ["bootstrap"]),
    ],
)
def test_the_locks_answer_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [] if lock == "requirements-bootstrap.lock" else list(pyproject["project"]["dependencies"])
    for group in groups:
        wanted += pyproject["dependency-groups"][group]
    locked: dict[str, list[str]] = {}
    for line in pins(lock):
        pinned = Requirement(line)
        locked.setdefault(canonicalize_name(pinned.name), []).append(str(pinned.specifier).removeprefix("=="))
    for text in wanted:
        requirement = Requirement(text)
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{lock} lacks {requirement}; run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), (
            f"{requirement}: {versions}"
        )


# ---- make and CI ---------------------------------------------------------------------------------------------


def make(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    shown = make("help")
    assert shown.returncode == 0, shown.stderr
    assert {line.split()[1] for line in shown.stdout.splitlines() if line.startswith("  make ")} == set(
        phony.group(1).split()
    )


@pytest.fixture
def bare_tree(tmp_path: Path) -> Path:
    """What `make setup` needs, without a .venv, so that it stops before it installs anything."""
    (tmp_path / ".ci").mkdir()
    for name in ("Makefile", ".ci/setup_venv.py", *LOCKS):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def pretend_python(folder: Path, preamble: str) -> Path:
    """An interpreter that runs ``preamble`` before the script it is given."""
    fake = folder / "python-of-the-test"
    runner = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    real = shutil.which("python3") or "python3"
    fake.write_text(f'#!/bin/sh\nexec {real} -c "{preamble}; {runner}" "$@"\n')
    fake.chmod(0o755)
    return fake


@pytest.mark.parametrize("version", ["3, 10, 4", "3, 14, 0", "3, 6, 15"])
def test_an_unsupported_python_is_named(bare_tree: Path, version: str) -> None:
    number = version.replace(", ", ".")
    preamble = (
        f"import sys; sys.version_info = ({version}); sys.version = '{number} (main)'; sys.executable = 'old'"
    )
    ended = make("setup", f"PYTHON={pretend_python(bare_tree, preamble)}", cwd=bare_tree)
    assert ended.returncode == 2
    assert f"error: retrofr runs on Python 3.11, 3.12 and 3.13; old is {number}\n" in ended.stderr
    assert "name one that is installed: make PYTHON=python3.12 ..." in ended.stderr
    assert not (bare_tree / ".venv").exists()


@pytest.mark.parametrize(
    ("preamble", "reason", "package"),
    [
        ("import sys; sys.modules['ensurepip'] = None", "has no venv or ensurepip", "python3-venv"),
        (
            "import sysconfig; sysconfig.get_path = lambda name: 'nowhere'",
            "lacks its C headers (Python.h), and annoy is compiled when it is installed",
            "python3-dev",
        ),
        (
            "import shutil; shutil.which = lambda name: None",
            "no C++ compiler is here (c++, g++, clang++), and annoy is compiled when it is installed",
            "g++",
        ),
    ],
    ids=["venv", "headers", "compiler"],
)
def test_what_the_machine_lacks_is_named(bare_tree: Path, preamble: str, reason: str, package: str) -> None:
    ended = make("setup", f"PYTHON={pretend_python(bare_tree, preamble)}", cwd=bare_tree)
    assert ended.returncode == 2
    assert f"{reason}\n" in ended.stderr
    assert f"       on Debian and Ubuntu: apt install {package}\n" in ended.stderr
    assert not (bare_tree / ".venv").exists()


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert text.splitlines()[-1] == "exec make test </dev/null"
    subprocess.run(["bash", "-n", script], check=True)


# ---- documents -----------------------------------------------------------------------------------------------

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*.md")])


def anchor(heading: str) -> str:
    """The name a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        linked = (document.parent / name).resolve() if name else document
        assert linked.exists(), f"{where(document)} links to {target}"
        if fragment and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert fragment in map(anchor, headings), f"{where(document)} links to {target}"
