"""A pytest file that holds an exported module against the user's own function, for the user's own repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Template

from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.core.source import dim_text
from symgrad.errors import InputError
from symgrad.ops.generic import Generic

_TEMPLATE = Template('''"""$module held against $function itself, by jax where it is installed; written by symgrad."""

from pathlib import Path

import pytest
from symgrad.testing import $imports

HERE = Path(__file__).parent
SOURCE = HERE / $source
SHAPES = {
$shapes
}
FUNCTIONS = {$functions}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("quantity", [$quantities])
def test_$module(quantity, seed):
    function = $loader(SOURCE, "$function")
    module = load_module(HERE / $file)
    assert_module(module, function, SHAPES, quantity=quantity, seed=seed, **FUNCTIONS)
''')


def module_name(function: str, target: str = "numpy") -> str:
    """The module that `symgrad export` writes for a function, one name a target."""
    return f"{function}_gradients" if target == "numpy" else f"{function}_gradients_{target}"


def pytest_module(program: Program, source: str, bound: Mapping[str, str] | None = None, module: str = "") -> str:
    """The text of the test file for a program read from a file.

    `source` is the path from the test file to that file, `bound` names the functions that stand in for generic ones, in
    the file itself or in jax; `module` is the file beside the test file that is tested, if not the one of the usual name.
    Raises `InputError` where a generic function is left without.
    """
    shapes, bound = shapes_of(program), dict(bound or {})
    generic = [name for name, text in shapes.items() if text.endswith(("| entrywise", "| loss"))]
    if missing := [name for name in generic if name not in bound]:
        raise InputError(f"the tests need a function for {missing[0]}; bind one, such as --bind {missing[0]}=tanh")
    loader = "load_module" if _runs(program) else "load_definition"
    imports = sorted({"assert_module", "load_module", loader, *(["load_bound"] if bound else [])})
    return _TEMPLATE.substitute(
        module=module_name(program.name),
        file=_quoted(module or f"{module_name(program.name)}.py"),
        function=program.name,
        source=_quoted(source.replace("\\", "/")),
        imports=", ".join(imports),
        loader=loader,
        shapes="\n".join(f"    {_quoted(name)}: {_quoted(text)}," for name, text in shapes.items()),
        functions=", ".join(f'"{name}": load_bound(SOURCE, "{program.name}", {_quoted(target)})' for name, target in bound.items()),
        quantities='"value", "gradient"' + (', "hvp", "hessian"' if program.output.ndim == 0 else ""),
    )


def _quoted(text: str) -> str:
    """Text as a literal of Python, in double quotes, from which nothing gets out."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else ascii(text)


def shapes_of(program: Program) -> dict[str, str]:
    """What the inputs were declared as, functions among them, as annotations have it."""
    shapes = {str(v.params["name"]): _annotation(v) for v in program.inputs}
    arguments = program.origin.arguments if program.origin else {}
    return shapes | {x.name: f" | {x.kind}" for x in arguments.values() if isinstance(x, Generic)}


def _annotation(v: Node) -> str:
    dims = " ".join(dim_text(d).replace(" ", "") for d in v.shape)
    words = " ".join(sorted(v.params["properties"]))
    return f"{dims} | {words}" if words else dims


def _runs(program: Program) -> bool:
    """Whether the function can be called as it stands: its file imports what it names, and it takes arrays, not containers."""
    if program.origin is None:
        return False
    containers = [x for x in program.origin.arguments.values() if isinstance(x, dict | tuple)]
    return bool(program.origin.module.has_imports) and not containers
