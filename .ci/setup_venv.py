"""Makes .venv and puts in it what the lock files name; `make` runs this before everything else.

    python3 .ci/setup_venv.py run      what retrofr runs on, and retrofr itself, editable
    python3 .ci/setup_venv.py dev      that, and the tools of development

What is in place is not installed again, nothing is ever uninstalled, and an install that was cut short is started
over from an empty .venv: installers take a package that was half copied for one that is there. Runs one at a time.
Written for any Python 3, so that an interpreter that is too old is told so.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
VENV = TREE / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = VENV / "retrofr-setup.json"
OLDEST, NEWEST = (3, 11), (3, 13)
THIS_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

BOOTSTRAP = "requirements-bootstrap.lock"
LOCKS = {"run": ["requirements.lock"], "dev": ["requirements.lock", "requirements-dev.lock"]}
PACKAGE = ("pyproject.toml", "retrofr/__init__.py")  # where the editable install's metadata comes from


def main() -> None:
    """Read the arguments, and bring .venv to what they ask for."""
    parser = argparse.ArgumentParser(description="Make .venv from the lock files.")
    parser.add_argument("what", choices=sorted(LOCKS))
    parser.add_argument("--this-python", action="store_true", help="make .venv anew if it has another Python")
    arguments = parser.parse_args()
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        use_another_python(arguments.this_python)
    with Path(__file__).open() as own_file:
        fcntl.flock(own_file, fcntl.LOCK_EX)
        os.set_inheritable(own_file.fileno(), True)  # an installer that outlives this process keeps the lock
        set_up(arguments.what, arguments.this_python)


def use_another_python(asked_for_this_one: bool) -> None:
    """Start over with a supported Python from PATH, unless the user named this one."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if asked_for_this_one or other is None:
            continue
        if subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:  # a shim may stand for nothing
            os.execv(other, [other, *sys.argv])
    stop(
        f"retrofr runs on Python 3.11, 3.12 and 3.13; {sys.executable} is {sys.version.split()[0]}",
        "name one that is installed: make PYTHON=python3.12 ...",
    )


def set_up(what: str, this_python: bool) -> None:
    """Bring .venv to the state that the lock files describe, doing only what is missing."""
    state = read_state()
    python = interpreter_version()
    if state.get("installing"):
        say("An earlier install was cut short; making .venv anew")
        state = None
    elif VENV.exists() and (python is None or (this_python and python != THIS_PYTHON)):
        say("Making .venv anew for Python " + THIS_PYTHON)
        state = None
    elif state and state["tree"] != str(TREE):
        say("This tree was moved; making .venv anew")
        state = None
    elif python is None:
        state = None
    if state is None:
        check_tools()
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", str(VENV)])
        state = {}

    bootstrap(state)
    for lock in LOCKS[what]:
        if state.get(lock) != digest(lock):
            if lock == "requirements.lock" and lock not in state:
                say("Installing what retrofr runs on; the first time about 3 GB are downloaded")
            install(state, lock, ["--require-hashes", "--no-build-isolation-package", "annoy", "-r", lock])
    if state.get("package") != digest(*PACKAGE):
        install(state, "package", ["--no-deps", "--no-build-isolation", "--editable", "."])


def bootstrap(state: dict) -> None:
    """Put the installer and the build backend into .venv, with the pip that Python brings."""
    if state.get(BOOTSTRAP) != digest(BOOTSTRAP):
        pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run([*pip, "install", "--force-reinstall", "--no-deps", "--require-hashes", "-r", BOOTSTRAP])
        state.update({"tree": str(TREE), BOOTSTRAP: digest(BOOTSTRAP)})
        write_state(state)


def install(state: dict, step: str, arguments: list) -> None:
    """Run one install, with a note in the state while it lasts."""
    write_state(dict(state, installing=step))
    run([str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), *arguments])
    state[step] = digest(*PACKAGE) if step == "package" else digest(step)
    write_state(state)


def run(command: list) -> None:
    """Run a command in the tree; its own messages say what went wrong."""
    environment = dict(os.environ)
    environment.setdefault("UV_HTTP_TIMEOUT", "300")
    status = subprocess.call(command, cwd=str(TREE), env=environment, close_fds=False)
    if status != 0:
        stop("the install failed (see above)", "the same make command tries again; downloads are kept")


def check_tools() -> None:
    """Stop with what to do where this machine lacks something that no lock file can bring."""
    try:
        import ensurepip  # noqa: F401 - Debian ships it apart
        import venv  # noqa: F401
    except ImportError:
        stop(f"{sys.executable} has no venv or ensurepip", "on Debian and Ubuntu: apt install python3-venv")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        stop(
            f"{sys.executable} lacks its C headers (Python.h), and annoy is compiled when it is installed",
            "on Debian and Ubuntu: apt install python3-dev",
        )
    if not any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "g++", "clang++")):
        stop(
            "no C++ compiler is here (c++, g++, clang++), and annoy is compiled when it is installed",
            "on Debian and Ubuntu: apt install g++",
        )


def interpreter_version() -> "str | None":
    """The Python version in .venv, or None where it has none that works, with pip, in a supported version."""
    probe = "import sys, pip; print(*sys.version_info[:2], sep='.')"
    try:
        answer = subprocess.check_output([str(PYTHON), "-c", probe], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    version = answer.decode().strip()
    return version if OLDEST <= tuple(map(int, version.split("."))) <= NEWEST else None


def read_state() -> dict:
    """What is installed, as the last run wrote it; empty where none did."""
    try:
        return json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}


def write_state(state: dict) -> None:
    """Replace the state file as a whole."""
    fresh = STATE.with_suffix(".new")
    fresh.write_text(json.dumps(state, indent=1))
    fresh.replace(STATE)


def digest(*names: str) -> str:
    """One SHA-256 over files of the tree."""
    return hashlib.sha256(b"".join((TREE / name).read_bytes() for name in names)).hexdigest()


def say(text: str) -> None:
    """Tell the user at once, also when nobody watches the terminal."""
    print(text, file=sys.stderr, flush=True)


def stop(reason: str, hint: str) -> None:
    """End with what is wrong and what to do."""
    say("error: " + reason)
    say("       " + hint)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
