"""The house: imports point one way, few modules stand at the root, and a module is named otherwise than what it holds."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

import grimp
import pytest

from benchmarks.house import circle, imports

PACKAGE = Path(__file__).parents[1] / "symgrad"
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
MOST_AT_ROOT = 8


def graph_of(*pairs):
    """A graph of imports made by hand."""
    graph = grimp.ImportGraph()
    for importer, imported in pairs:
        graph.add_import(importer=importer, imported=imported)
    return graph


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("a", "b"), ("b", "c"), ("a", "c")], []),
        ([("a", "b"), ("b", "a"), ("b", "c")], ["a", "b"]),
        ([("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("e", "d")], ["b", "c", "d"]),
    ],
)
def test_a_circle_is_found(pairs, found):
    assert circle(graph_of(*pairs)) == found


def test_no_modules_import_one_another():
    """Imports for types alone and those inside functions count too."""
    graph = imports()
    assert "symgrad.derivation" in graph.find_modules_directly_imported_by("symgrad.command.commands")
    assert circle(graph) == []


def test_few_modules_stand_at_the_root():
    at_root = [path.stem for path in MODULES if path.parent == PACKAGE and not path.name.startswith("__")]
    assert 1 <= len(at_root) <= MOST_AT_ROOT, at_root


def public(tree):
    """The functions and classes that a module defines for others."""
    named = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return [name for name in named if not name.startswith("_")]


def test_what_a_module_defines_is_named_otherwise():
    assert public(ast.parse("def f(): ...\nclass C: ...\ndef _g(): ...\n")) == ["f", "C"]
    assert [str(path.relative_to(PACKAGE)) for path, tree in MODULES.items() if path.stem in public(tree)] == []


def assigned(statement):
    """The names that a statement of a module gives a value."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    parts = [part for x in targets for part in (x.elts if isinstance(x, ast.Tuple) else [x])]
    return [part.id for part in parts if isinstance(part, ast.Name) and not part.id.startswith("_")]


def defined_twice(trees):
    """The public functions, classes and constants that more than one module defines."""
    homes = defaultdict(set)
    for place, tree in trees.items():
        for name in (*public(tree), *(name for statement in tree.body for name in assigned(statement))):
            homes[name].add(place)
    return {name: found for name, found in homes.items() if len(found) > 1}


def test_a_name_with_two_meanings_is_found():
    texts = {"a": "X, Y = 1, 2\nclass C: ...\n", "b": "X: int = 3\n_Y = 2\nT[0] = 1\n", "c": "def C(): ...\nclass D:\n    Y = 1\n"}
    assert defined_twice({place: ast.parse(text) for place, text in texts.items()}) == {"X": {"a", "b"}, "C": {"a", "c"}}


def test_one_name_means_one_thing():
    assert defined_twice({str(path.relative_to(PACKAGE)): tree for path, tree in MODULES.items()}) == {}


MIRRORED = {"error_function", "kronecker", "labels", "layout"}
"""Names of modules that stand in two rooms: the operations of a family, and the rewrites or the stable forms of the same family."""


def test_a_module_is_named_otherwise_than_those_of_other_rooms():
    counted = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert {name for name, count in counted.items() if count > 1} == MIRRORED
