"""Runs a command that dies with the process that asked for it, even when that one is killed with -9.

Run as a file, not imported: `python -I tied.py PARENT COMMAND…`. Linux only; elsewhere the command runs untied.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGKILL: a stop in order needs the parent, and a process that ignores a softer signal would stay for ever.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:  # it died before the kernel was asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - becoming the command is the whole purpose


if __name__ == "__main__":
    main()
