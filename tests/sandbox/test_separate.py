"""The institution is another party: of Weir it knows the products' data, and nothing else."""

import ast
from pathlib import Path

import sandbox

WEIR = {"shared", "payments", "split", "aftersale", "merchant", "ops"}


def test_the_institution_shares_nothing_but_the_profiles_with_weir() -> None:
    assert sandbox.__file__ is not None
    imported = {
        name
        for path in Path(sandbox.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _names(node)
        if name.split(".")[0] in WEIR
    }
    assert imported == {"shared.profiles"}


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [it.name for it in names]
        case ast.ImportFrom(module=str() as module, level=0):
            return [module]
        case _:
            return []
