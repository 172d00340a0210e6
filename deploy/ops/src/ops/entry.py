"""The first thing that `weir` runs. It loads the command line, and lets Ctrl-C end even that without a traceback."""

import sys
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """Run the command line."""
    try:
        from ops.app import main as run  # noqa: PLC0415 - loading takes a second, in which Ctrl-C may come

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
