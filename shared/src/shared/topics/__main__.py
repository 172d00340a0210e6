"""`python -m shared.topics apply|check`: the topics job of a cluster. Exits 0 when all topics stand as stated."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from shared.topics.broker import apply, check
from shared.topics.stated import Topics, TopicsError


def main() -> int:
    """Run the job."""
    parser = argparse.ArgumentParser(prog="python -m shared.topics", description=__doc__)
    parser.add_argument("command", choices=["apply", "check"])
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    parser.add_argument("--bootstrap", default=bootstrap, required=not bootstrap, help="or KAFKA_BOOTSTRAP")
    parser.add_argument("--file", type=Path, default=Path("deploy/topics.yaml"))
    parser.add_argument("--override", help="an override of the file, such as production")
    options = parser.parse_args()
    try:
        topics = Topics.load(options.file, options.override)
        if options.command == "check":
            asyncio.run(check(topics, options.bootstrap))
            lines = []
        else:
            lines = asyncio.run(apply(topics, options.bootstrap))
    except TopicsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in (*lines, "topics stand as stated")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
