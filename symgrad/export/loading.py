"""Load an exported module: its syntax tree is checked against a whitelist before anything runs."""

from __future__ import annotations

import ast
import builtins
import types

from symgrad.errors import InputError

_IMPORTS = frozenset(
    {
        "numpy",
        "math",
        "typing",
        "collections.abc",
        "scipy.linalg",
        "jax",
        "jax.numpy",
        "jax.scipy.linalg",
        "scipy.special",
        "scipy.sparse.linalg",
    }
)
_BUILTINS = frozenset(
    "float int len zip enumerate map str isinstance tuple list dict range sum max min abs sorted reversed set print "
    "ValueError TypeError SystemExit __build_class__ __name__ __import__ property staticmethod bool all any".split()
)
_FORBIDDEN = (ast.Global, ast.Nonlocal, ast.With, ast.AsyncFunctionDef, ast.Await, ast.Delete, ast.Try)


def check(source: str) -> ast.Module:
    """The tree of a generated module; raises where it holds anything that the exporter never writes."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _FORBIDDEN):
            raise InputError(f"generated code holds {type(node).__name__}, which is never written")
        if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            raise InputError(f"generated code reads {node.attr}, which is never written")
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        if unknown := [m for m in modules if m not in _IMPORTS]:
            raise InputError(f"generated code imports {unknown[0]}, which is never written")
    return tree


def load(source: str, name: str) -> types.ModuleType:
    """The module of a generated source, with no more of the builtins than it uses."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = {k: getattr(builtins, k) for k in _BUILTINS if hasattr(builtins, k)}
    module.__dict__["__source__"] = source
    exec(compile(check(source), f"<symgrad {name}>", "exec"), module.__dict__)
    return module
