"""Writes the reference of all commands into docs/cli.md, from the command line itself. The text around it is by hand.

`python -m ops.manual` writes it; a test fails when it is stale.
"""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

import typer

from ops.app import create_app

MANUAL: Final = Path("docs/cli.md")
BEGIN: Final = "<!-- written by `make docs` from here -->"
END: Final = "<!-- to here -->"
FIRST: Final = "weir up"
WORDS: Final = {str: "text", int: "number", float: "number"}


def reference() -> str:
    """Return every command with its options, as Markdown."""
    root: Any = typer.main.get_command(create_app())
    return "\n".join(_lines("weir", root))


def updated(text: str) -> str:
    """Return the manual with the reference of today between its marks.

    Raises:
        ValueError: a mark is missing.

    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"{MANUAL} must have the marks {BEGIN} and {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


def _lines(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - the command tree is typer's own
    commands = getattr(command, "commands", None)
    if commands:
        for word, below in commands.items():
            yield from _lines(f"{name} {word}", below)
        return
    if name != FIRST:
        yield ""
    arguments = [it for it in command.params if it.param_type_name == "argument"]
    yield f"### `{' '.join([name, *(_argument(it) for it in arguments)])}`"
    yield ""
    yield " ".join((command.help or "").split())
    options = [it for it in command.params if it.param_type_name == "option" and it.name != "help"]
    if not options:
        return
    yield ""
    yield "| option | what |"
    yield "|---|---|"
    for option in options:
        yield f"| {_names(option)} | {_help(option)} |"


def _argument(argument: Any) -> str:  # noqa: ANN401 - typer's own
    name = (argument.metavar or argument.name).upper()
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:  # noqa: ANN401 - typer's own
    names = ", ".join(f"`{name}`" for name in option.opts)
    kind: type[object] = option.type_descriptor.annotation
    if issubclass(kind, Enum):
        return f"{names} {' or '.join(str(choice.value) for choice in kind)}"
    return names if option.is_flag else f"{names} {WORDS[kind]}"


def _help(option: Any) -> str:  # noqa: ANN401 - typer's own
    said = (option.help or "").replace("<", "&lt;")
    if option.required:
        return f"{said} Required."
    if option.default is None or callable(option.default) or option.is_flag:
        return said
    return f"{said} Default: {getattr(option.default, 'value', option.default)}."


def main() -> None:
    """Write the manual anew."""
    MANUAL.write_text(updated(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
