"""Ctrl-C before there is a command line that could hear it."""

import sys
from types import ModuleType

import pytest

from ops import entry


class Interrupted(ModuleType):
    """A module during whose loading Ctrl-C comes."""

    def __getattr__(self, name: str) -> object:
        """Be interrupted."""
        raise KeyboardInterrupt


def test_ctrl_c_while_the_command_line_is_loaded_ends_it_like_ctrl_c_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ops.app", Interrupted("ops.app"))
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 130
