"""Which functions show the memory of their arguments in NumPy, whose arrays a function uses, and what an act in place may do.

What is written in place is read as NumPy has it: into the array, whoever else holds it (`arrays.py`).  jax's arrays never change.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from functools import cache
from types import ModuleType
from typing import Any

from symgrad.core.language import LANGUAGE
from symgrad.core.op import Node, show_shape, value_of
from symgrad.core.source import parsed
from symgrad.errors import InputError
from symgrad.ops.integers import is_condition, is_integral
from symgrad.reading.arrays import REAL, TRUTH, WHOLE_ARRAY, Array
from symgrad.reading.dialects import JAX, Dialect, dialect_of, home_of, module_known_as
from symgrad.reading.messages import LONGEST_STATEMENT, unparsed
from symgrad.reading.module import Module
from symgrad.reading.words import CONSTANTS, FLOATS

# what functions make -------------------------------------------------------------------------------------------------------


@cache
def sharing() -> frozenset[Any]:
    """Functions whose result may be the memory of their argument."""
    words = (
        "asarray atleast_1d atleast_2d broadcast_to diag diagonal diff expand_dims flip matrix_power moveaxis ravel reshape split "
        "squeeze stop_gradient swapaxes transpose"
    )
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def fixing() -> frozenset[Any]:
    """Functions whose result NumPy lets nobody write into."""
    return frozenset(LANGUAGE[word] for word in ("broadcast_to", "diagonal"))


@cache
def cells() -> frozenset[Any]:
    """Functions that give an array, not a number, where there are no axes."""
    words = "array asarray copy full full_like ones ones_like reshape squeeze where zeros zeros_like"
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def truths() -> frozenset[Any]:
    """Functions whose result holds truth values."""
    words = "equal greater greater_equal less less_equal logical_and logical_not logical_or logical_xor not_equal"
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def sums() -> frozenset[Any]:
    """Functions that add products or terms: of truth values alone NumPy makes an `or`."""
    return frozenset(LANGUAGE[word] for word in "add dot einsum inner matmul subtract vdot".split())


# whose words a function uses ----------------------------------------------------------------------------------------------


def home(function: ast.FunctionDef, module: Module) -> Dialect:
    """Whose arrays the arguments of a function are: jax's where it is under jax's jit, else of the library in whose words it and
    its helpers are written; where they use those of several, nothing says whose."""
    names = [node for decorator in function.decorator_list for node in ast.walk(decorator)]
    if any(_last(node) == "jit" and package_of(node, module) == "jax" for node in names):
        return JAX
    return home_of(dialect for root in _roots(function, module, []) if (dialect := dialect_of(root)) is not None)


def _roots(function: ast.FunctionDef, module: Module, seen: list[ast.FunctionDef]) -> Iterator[str]:
    """The packages of the words in a function and in the helpers it names; np.pi and np.float32 say nothing."""
    seen.append(function)
    for node in ast.walk(function):
        last = _last(node)
        bare = isinstance(node, ast.Name) and (
            last in module.modules or module_known_as(last) is not None
        )  # np, where np.tanh counts
        if last and not bare and last not in CONSTANTS and last not in FLOATS:
            yield package_of(node, module)
        helper = module.functions.get(last)
        if helper is not None and helper not in seen:
            yield from _roots(helper, module, seen)


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def package_of(tree: ast.AST, module: Module, local: Container[str] = ()) -> str:
    """The package that a dotted name belongs to, or nothing."""
    while isinstance(tree, ast.Attribute):
        tree = tree.value
    if not isinstance(tree, ast.Name) or tree.id in local:
        return ""
    live = module.live.get(tree.id)
    found = live.__name__ if isinstance(live, ModuleType) else ""
    path = module.modules.get(tree.id) or module.origins.get(tree.id) or found or module_known_as(tree.id) or ""
    return path.partition(".")[0]


# acts in place --------------------------------------------------------------------------------------------------------------


def as_assignment(statement: ast.AugAssign) -> str:
    """`r = r * 3.0` for `r *= 3.0`."""
    name = unparsed(statement.target)
    text = unparsed(ast.BinOp(_loaded(statement.target), statement.op, statement.value))
    return f"{name} = {text}" if len(text) <= LONGEST_STATEMENT else f"{name} = {name} ... with the operator between"


def _loaded(target: ast.expr) -> ast.expr:
    (statement,) = parsed(unparsed(target)).body
    assert isinstance(statement, ast.Expr)
    return statement.value


def check_in_place(old: Array, right: Any, new: Node, statement: ast.AugAssign) -> None:
    """Raises where NumPy has no room for the result in the array that is there."""
    if old.is_frozen or not (old.ndim or old.cell):
        return
    way = f"write {as_assignment(statement)}"
    if old.fixed:
        raise InputError(f"NumPy lets nobody write into this view; {way}")
    if old.shape != new.shape:
        raise InputError(f"NumPy writes no result of shape {show_shape(new.shape)} into an array of {show_shape(old.shape)}; {way}")
    if old.kind == TRUTH and not isinstance(statement.op, ast.BitAnd | ast.BitOr | ast.BitXor):
        raise InputError(f"NumPy writes no numbers into an array of truth values; {way}")
    if _is_labels(old.node) and not _keeps_integers(statement, right):
        raise InputError(f"NumPy writes no decimals into an array of integers; {way}")


def _is_labels(node: Node) -> bool:
    words = node.params.get("properties", frozenset())
    return "int" in words and "computed" not in words


def _keeps_integers(statement: ast.AugAssign, right: Any) -> bool:
    """A decimal such as 1.0 is read as the number 1, so it is told by how it is written."""
    written = isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, float)
    whole = is_integral(right) if isinstance(right, Node) else isinstance(right, int) and not written
    return whole and isinstance(statement.op, ast.Add | ast.Sub | ast.Mult)


def check_room(owner: Array, value: Node) -> None:
    """Raises where NumPy would cut off what is written into a part of an array, or lets nobody write there."""
    if owner.is_frozen:
        raise InputError("jax's arrays do not change; write x = x.at[index].set(value)")
    if owner.fixed:
        raise InputError("NumPy lets nobody write into this view; copy it before")
    if owner.kind == TRUTH and not (is_condition(value) or value_of(value) in (0, 1)):
        raise InputError("NumPy keeps truth values alone in this array; make it of numbers, with where(condition, 1.0, 0.0)")
    number = value_of(value)
    if owner.kind == WHOLE_ARRAY and not (is_integral(value) or (number is not None and number.is_integer)):
        raise InputError(
            "NumPy may cut decimals off here, in an array of whole numbers; make it one of decimals, with astype(float)"
        )


# what NumPy keeps in an array ----------------------------------------------------------------------------------------------


def kind_made(function: Any, tree: ast.Call, args: list[Any], kwargs: dict[str, Any], result: Node) -> str:
    """What NumPy keeps in the result of a function: decimals, truth values, or what may be whole numbers alone."""
    if function in truths():
        return TRUTH
    if "dtype" in kwargs or function is LANGUAGE["astype"]:
        return kind_of_type(kwargs.get("dtype", args[-1]))
    if function in _like():
        return args[0].kind if isinstance(args[0], Array) else REAL
    if function is LANGUAGE["full"]:
        return WHOLE_ARRAY if isinstance(args[-1], int) and not _has_decimals(tree) else REAL
    if function in sharing() or function in _same():
        kinds = {x.kind for x in args if isinstance(x, Array)}
        if kinds:
            return TRUTH if kinds == {TRUTH} else REAL if REAL in kinds else WHOLE_ARRAY
    return kind_of(result, tree)


def kind_of(result: Node, tree: ast.AST) -> str:
    return WHOLE_ARRAY if is_integral(result) and not _has_decimals(tree) else REAL


def kind_of_type(dtype: Any) -> str:
    word = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "float")
    return REAL if "float" in word or word in ("double", "single") else TRUTH if "bool" in word else WHOLE_ARRAY


@cache
def _like() -> frozenset[Any]:
    return frozenset(LANGUAGE[word] for word in ("zeros_like", "ones_like", "full_like", "empty_like"))


@cache
def _same() -> frozenset[Any]:
    return frozenset(LANGUAGE[word] for word in ("copy", "flatten", "roll", "repeat", "tile", "concatenate", "stack"))


def _has_decimals(tree: ast.AST) -> bool:
    """Whether a decimal is written in it, which is read as the number it is."""
    return any(isinstance(n, ast.Constant) and isinstance(n.value, float) for n in ast.walk(tree))
