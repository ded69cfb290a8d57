"""The figures of docs/architecture.md: files, functions, rooms, imports that go in circles, and rows of tables beside the records.

python benchmarks/house.py            # needs the tools of requirements-dev.txt
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Collection, Iterator
from pathlib import Path

import grimp

import symgrad.derivation  # noqa: F401  (registers every operation)
from symgrad.core.op import REGISTRY
from symgrad.export import numba
from symgrad.partition.collectives import COLLECTIVES, part

PACKAGE = Path(__file__).parents[1] / "symgrad"
SHORT, LONG = 28, 400
"""Lines up to which a function is short, and from which a file is long."""

TABLES: dict[str, Collection[str]] = {
    "numba.ODD": numba.ODD,
}
"""What passes know of single operations by their names."""


def main() -> None:
    print(figures())


def figures() -> str:
    """As a table in Markdown, which docs/architecture.md includes."""
    files = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    lengths = {path: text.count("\n") for path, text in files.items()}
    trees = [ast.parse(text) for text in files.values()]
    functions = [node.end_lineno - node.lineno + 1 for tree in trees for node in _functions(tree)]
    short = sum(n <= SHORT for n in functions) / len(functions)
    long = [f"`{p.relative_to(PACKAGE)}` ({n})" for p, n in _longest(lengths)]
    rows = {
        "files": f"{len(files)}, half of at most {statistics.median(lengths.values()):.0f} lines; {_at_root(files)} at the root",
        "functions": f"{len(functions)}, half of at most {statistics.median(functions):.0f} lines, {short:.1%} of at most {SHORT}",
        "imports inside functions": str(sum(map(_inner_imports, trees))),
        f"files of more than {LONG} lines": ", ".join(long) or "none",
        "modules that import one another in a circle, those for types counted": ", ".join(f"`{m}`" for m in circle(imports()))
        or "none",
        "operations": str(len(REGISTRY.keys() - {op.name for op in (*COLLECTIVES, part)})),
        "rows beside their records": ", ".join(f"{len(table)} in `{name}`" for name, table in TABLES.items()) or "none",
    }
    return "\n".join(["| what | how many |", "| --- | --- |", *(f"| {what} | {count} |" for what, count in rows.items())])


def imports() -> grimp.ImportGraph:
    """Every import of the package: those for types alone and those inside functions too."""
    return grimp.build_graph("symgrad", cache_dir=None, exclude_type_checking_imports=False)


def circle(graph: grimp.ImportGraph) -> list[str]:
    """The modules that import one another, directly or through others; none where imports point one way."""
    return sorted(module.removeprefix("symgrad.") for module in graph.modules if module in _reached(graph, module))


def _reached(graph: grimp.ImportGraph, module: str) -> set[str]:
    """What a module imports, directly or through others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = graph.find_modules_directly_imported_by(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _inner_imports(tree: ast.AST) -> int:
    inner = {node for f in _functions(tree) for node in ast.walk(f) if isinstance(node, ast.Import | ast.ImportFrom)}
    return len(inner)


def _at_root(files: dict[Path, str]) -> int:
    return sum(path.parent == PACKAGE and not path.name.startswith("__") for path in files)


def _longest(lengths: dict[Path, int]) -> list[tuple[Path, int]]:
    return sorted(((p, n) for p, n in lengths.items() if n > LONG), key=lambda item: -item[1])


if __name__ == "__main__":
    main()
