"""Run a program that does not outlive its parent: `python tether.py PARENT SIGNAL PROGRAM ...`.

A twin that is killed with SIGKILL can stop nothing any more; its parts must end by themselves.
On Linux the kernel sends the signal (PR_SET_PDEATHSIG survives exec); elsewhere a forked watcher
asks twice a second whether the parent lives. The process then *becomes* the program, so that its
pid is the program's. A file of its own, run with -I -S, because preexec_fn is not safe in a
program with threads. Imports only the standard library.
"""

import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h
WATCH_EVERY_S = 0.5


def main() -> None:
    parent, on_death, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, on_death, 0, 0, 0)
    else:
        _watch(parent, os.getpid(), on_death)
    if os.getppid() != parent:  # it died before we were tethered
        sys.exit(1)
    # Python ignores these two; the program should start with the defaults.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(program[0], program)


def _watch(parent: int, child: int, on_death: int) -> None:
    if os.fork():
        return
    os.setsid()
    while _lives(child):
        if not _lives(parent):
            os.kill(child, on_death)
            break
        time.sleep(WATCH_EVERY_S)
    os._exit(0)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
