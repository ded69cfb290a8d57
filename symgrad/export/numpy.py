"""The text of a module: what it is, what it imports, its tables, its helpers, its functions, and the test of itself at its foot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from symgrad.core.budget import budgeted
from symgrad.core.version import VERSION
from symgrad.export.docstrings import module_docstring
from symgrad.export.embedded import known, with_needs
from symgrad.export.functions import is_label
from symgrad.export.lowering import Lowered
from symgrad.export.selftest import NUMPY_ALONE, REPORTS, self_test
from symgrad.export.sources import PUBLIC
from symgrad.export.targets import Target
from symgrad.export.writer import function_text
from symgrad.ops.generic import apply


@budgeted("exporting")
def numpy_module(module: Lowered) -> str:
    """The text of the module; the same sources give the same bytes."""
    return "\n\n\n".join(_Text(module).pieces()) + "\n"


@dataclass(frozen=True)
class _Text:
    module: Lowered

    @property
    def target(self) -> Target:
        return self.module.frame.target

    @property
    def kind(self) -> str:
        return "scalar" if self.module.sources.is_scalar else "array"

    @cached_property
    def helpers(self) -> list[str]:
        """Helpers that are called, those of the self-test among them, in the order of their names."""
        examples = {"_tanh" if node.op is apply else "_tanh_loss" for node in self.module.open.values()}
        return sorted(with_needs({*self.module.helpers, *REPORTS[self.kind], *examples}, self.target.name))

    def pieces(self) -> Iterator[str]:
        shapes, gradient = self._tables()
        yield f"{self._header()}\n\n{shapes}"
        yield gradient
        yield from map(self._embedded, self.helpers)
        yield from map(function_text, self.module.functions)
        yield from filter(None, [self._aliases()])
        yield self._foot()
        yield 'if __name__ == "__main__":\n    _self_test()'

    def _header(self) -> str:
        words, sources = self.module.frame.words, self.module.sources
        imports = [
            *(["import functools"] if self._reads("functools") else []),
            *([_import("math", words["math"])] if self._reads("math") else []),
            *([f"from collections.abc import {', '.join(found)}"] if (found := self._abstract()) else []),
            "from typing import NamedTuple",
        ]
        defined = [name for name in PUBLIC if any(f.name == name for f in self.module.functions)]
        left_out, title = self.module.left_out, self.target.title
        head = module_docstring(sources.forward, sources.wrt, VERSION, title, defined, left_out, sources.numbers)
        libraries = [line.format(np=words["np"]) for line in self.target.imports]
        return "\n".join([head, *self._exempt(), "", *imports, "", *libraries])

    def _reads(self, library: str) -> bool:
        """Is there a word of the library in functions or helpers?"""
        return library in self.module.words or any(library in known(self.target.name)[name].reads for name in self.helpers)

    def _abstract(self) -> list[str]:
        """What functions and sequences that are handed over are called in signatures."""
        parameters = [p for function in self.module.functions for p in function.parameters]
        return [kind for kind in ("Callable", "Sequence") if any(f": {kind}[" in p for p in parameters)]

    def _exempt(self) -> list[str]:
        """The author's letters stay, whatever a linter thinks of them."""
        frame, sources = self.module.frame, self.module.sources
        names = {*frame.names, *frame.generics, *(sources.adjoint or sources.forward).names}
        return ["# ruff: noqa: E741"] if names & {"l", "I", "O"} else []

    def _foot(self) -> str:
        """The self-test, which runs when the module runs as a script."""
        functions = {name: self.module.open[name] for name in self.module.frame.generics}
        return self._tested(self_test(self.kind, self.module.sources.sizes, functions, self.target.prepare))

    def _aliases(self) -> str:
        """The names that gave way to an input's, for the functions that call them."""
        aliases = self.module.frame.aliases.items()
        return "\n".join(f"{alias} = {name}" for name, alias in aliases if alias != name and name != "direction")

    def _tables(self) -> tuple[str, str]:
        frame = self.module.frame
        known = {str(v): tuple(sorted(v.params["properties"])) for v in frame.inputs if v.params["properties"]}
        labels = tuple(str(v) for v in frame.inputs if is_label(v))
        shapes = {str(v): tuple(d if isinstance(d, int) else str(d) for d in v.shape) for v in frame.inputs}
        gradient = ["class Gradient(NamedTuple):", '    """One array a variable, of its shape."""', ""]
        gradient += [f"    {v}: {frame.array if v.ndim or not self.target.writes else 'float'}" for v in frame.wrt]
        tables = [*_table("SHAPES", shapes), f"LABELS = {labels!r}".replace("'", '"'), *_table("PROPERTIES", known)]
        return "\n".join(tables), "\n".join(gradient)

    def _embedded(self, name: str) -> str:
        """A helper in the module's names for the libraries."""
        words, text = self.module.frame.words, known(self.target.name)[name].text
        text = re.sub(r"\bmath\b", words["math"], text)
        return self._tested(text) if name in NUMPY_ALONE else re.sub(r"\b(np|jnp)\b", words["np"], text)

    def _tested(self, text: str) -> str:
        """What computes with NumPy whatever the target."""
        return text if self.target.library != "np" else re.sub(r"\bnp\b", self.module.frame.words["np"], text)


def _table(name: str, rows: Mapping[str, tuple[object, ...]]) -> list[str]:
    """A dictionary of tuples, one entry a line."""
    if not rows:
        return [f"{name} = {{}}"]
    return [f"{name} = {{", *(f"    {key!r}: {value!r},".replace("'", '"') for key, value in rows.items()), "}"]


def _import(library: str, alias: str) -> str:
    return f"import {library}" + (f" as {alias}" if alias != library else "")
