"""The AsyncAPI document is held to the public parser, which is Node's: `npm ci` of the pinned versions comes first.

Never skipped: without Node these tests fail and say what is missing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path("docs/asyncapi.yaml")
PARSER = Path(__file__).parent / "asyncapi"
INSTALLED = PARSER / "node_modules" / ".weir-installed"
"""Holds the hash of the lock file that node_modules was installed from, so that a second run needs no network."""

type Validate = Callable[[str], dict[str, Any]]

ERROR, WARNING = 0, 1


def _tool(name: str) -> str:
    beside = str(Path(sys.executable).parent)  # the development dependencies bring Node in a wheel
    found = shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    assert found, f"there is no `{name}`: run `uv sync`, or install Node.js 20 or later, to validate {DOCUMENT}"
    return found


@pytest.fixture(scope="module")
def validate() -> Validate:
    """Return the public parser, as a function from a document to what it finds."""
    locked = hashlib.sha256((PARSER / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED.exists() or INSTALLED.read_text() != locked:
        install = [_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=PARSER, capture_output=True, text=True, timeout=150, check=False)  # noqa: S603 - pinned
        assert done.returncode == 0, f"npm ci in {PARSER} failed:\n{done.stderr[-2000:]}"
        INSTALLED.write_text(locked)
    node = [_tool("node"), str(PARSER / "validate.mjs")]

    def run(document: str) -> dict[str, Any]:
        done = subprocess.run(node, input=document, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - ours
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def test_the_public_parser_finds_nothing_wrong(validate: Validate) -> None:
    found = validate(DOCUMENT.read_text(encoding="utf-8"))
    assert found["parsed"]
    assert [it for it in found["diagnostics"] if it["severity"] in {ERROR, WARNING}] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("partitions: 12", "partitions: twelve"),
        ("#/components/messages/OrderPaid", "#/components/messages/Nowhere"),
        ("action: receive", "action: swallow"),
    ],
)
def test_the_public_parser_does_find_what_is_wrong(validate: Validate, right: str, wrong: str) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert right in document
    found = validate(document.replace(right, wrong, 1))
    assert not found["parsed"]
    assert ERROR in {it["severity"] for it in found["diagnostics"]}
