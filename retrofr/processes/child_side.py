"""What a child process does to be one: it dies with its parent, leaves Ctrl-C to it, and writes nothing of its own."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import pickle
import resource
import select
import signal

# The process ends with this status where Python itself could get no memory.
OUT_OF_MEMORY_STATUS = 12


def die_with_parent(lifeline: int) -> None:
    """Have the kernel kill this process when the parent's end of the pipe closes, whatever this process is doing.

    Not PR_SET_PDEATHSIG, which goes by the thread that started a process and not by the parent's life.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    if poll.poll(0):  # it died before the kernel was asked
        os._exit(0)


def keep_quiet() -> None:
    """No reaction to Ctrl-C, which is the parent's to decide on, and nothing of the footage left on disk by a crash."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()
    # 1, not 0: kernels hand core dumps to a program such as systemd-coredump also at a limit of 0, and not at 1.
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def that_travels(error: Exception) -> Exception:
    """The exception, or one that says the same where it cannot be sent."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except (pickle.PickleError, TypeError, AttributeError, ValueError):
        copy = None
    return error if type(copy) is type(error) else RuntimeError(f"{type(error).__name__}: {error}")
