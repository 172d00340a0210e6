"""`python -m shared.profiles.docs`, at the root of the repository: writes docs/channels, or with `--check` compares."""

import argparse
import sys
from pathlib import Path

from shared.profiles.docs.files import COMMAND, stale, write


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    if parser.parse_args().check:
        found = stale(Path())
        sys.stdout.write("".join(f"stale: {name}\n" for name in found))
        return 1 if found else 0
    sys.stdout.write("".join(f"written: {name}\n" for name in write(Path())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
