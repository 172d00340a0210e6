"""`python -m shared.messages.docs`, at the root of the repository: writes the documents, or with `--check` compares.

They are made from the contracts, deploy/topics.yaml and the golden samples, and never edited.
"""

import argparse
import sys
from pathlib import Path

from shared.messages.docs.files import COMMAND, stale, write


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    if parser.parse_args().check:
        found = stale(Path())
        sys.stdout.write("".join(f"stale: {name}\n" for name in found))
        return 1 if found else 0
    sys.stdout.write("".join(f"written: {name}\n" for name in write(Path())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
