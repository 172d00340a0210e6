"""`python -m shared.serve payments --port 8001`: runs one service until SIGTERM or SIGINT, then exits 0."""

import argparse
import signal
import sys
from typing import Any, Final

import structlog
import uvicorn

GRACE_S: Final = 20
"""Requests in hand are finished within this; the batch in hand has its own, shorter limit."""

LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [
                structlog.stdlib.add_logger_name,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["json"], "level": "WARNING"},
}
"""What libraries say is a line of JSON too, as what the services say through structlog."""


def main() -> None:
    """Serve; a start that fails exits with uvicorn's status 3, a wrong setting with 2."""
    parser = argparse.ArgumentParser(prog="python -m shared.serve", description=__doc__)
    parser.add_argument("service", help="payments, split, aftersale or merchant")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # Before uvicorn listens nothing is in hand: the process ends at once. Later uvicorn handles the signal, stops,
        # then raises it again: without this an orderly stop would look like a death.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    uvicorn.run(
        f"{options.service}.app:create_app",
        factory=True,
        host=options.host,
        port=options.port,
        log_config=LOGGING,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main()
