"""Stands in for a service where only its starting and stopping matter: `python standin.py PORT` answers 200 to all."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ready(BaseHTTPRequestHandler):
    """Says yes to everything, and nothing to the log."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server passes
        """Keep the log empty."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
