"""The commands: derive, verify, export, cost and partition a forward pass in a file."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from symgrad.checking.points import read_point
from symgrad.checking.witness import bound_function
from symgrad.command.arguments import FAILED, OK
from symgrad.command.outputs import output_paths, write
from symgrad.core.files import split_target
from symgrad.core.program import Program
from symgrad.costs.plots import doubled
from symgrad.costs.timing import runs, timing_table
from symgrad.derivation import Derivation, Forward
from symgrad.errors import InputError
from symgrad.export.tests import module_name, pytest_module
from symgrad.partition.answers import answered
from symgrad.printing.document import WRITERS, made
from symgrad.printing.tables import markdown, plain
from symgrad.reading.door import read_file


def _read(args: argparse.Namespace) -> Derivation:
    """The derivation that the arguments ask for."""
    path, function = split_target(args.file)
    with _progress("deriving"):
        forward = Forward(read_file(path, dict(args.shape), function))
        derivation = forward.derive(*(name for word in args.wrt for name in word.split(",") if name))
    args.note = "" if function else _chosen(forward.program)
    return derivation


def _chosen(program: Program) -> str:
    """Which function was read, where the file holds several."""
    assert program.origin is not None
    module = program.origin.module
    others = ", ".join(name for name in module.functions if name != program.name)
    return f"read {program.name} of {module.filename}, which also holds {others}" if others else ""


def _derive(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("deriving"):
        printed = str(derivation)
    print(printed)
    if args.output is not None:
        with _progress("writing"):
            paths = output_paths(args.output, [f"{derivation.program.name}{suffix}" for suffix in (".tex", ".py")], WRITERS)
            texts = {path: made(derivation, path, {}) for path in paths}
            _write(args, derivation, texts)
        _wrote(*texts)
    return OK


def _write(args: argparse.Namespace, derivation: Derivation, texts: Mapping[Path, str | bytes]) -> None:
    """Into one folder; mlp.py may define mlp, whose derivation would be written to mlp.py."""
    source = split_target(args.file)[0]
    if any(os.path.realpath(path) == os.path.realpath(source) for path in texts):
        raise InputError(f"{source.name} would be written over; choose another folder with -o")
    (folder,) = {path.parent for path in texts}
    write(texts, f"{_relative(source, folder)}:{derivation.program.name}")


def _verify(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("comparing with jax"):
        point = None if args.at is None else read_point(args.at)
        report = derivation.compare(args.seeds, args.tol, point, **_bound(derivation, args))
    print(report)
    return OK if report.ok else FAILED


def _export(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("exporting"):
        if args.tests and args.target != "numpy":
            raise InputError("--tests are for the NumPy module; one for another target tests itself when it runs as a script")
        (path,) = output_paths(args.output, [f"{module_name(derivation.program.name, args.target)}.py"], [".py"])
        texts: dict[Path, str | bytes] = {path: derivation.code(args.target, args.sizes)}
        if args.tests:
            source = _relative(split_target(args.file)[0], path.parent)
            texts[path.with_name(f"test_{path.name}")] = pytest_module(derivation.program, source, dict(args.bind), path.name)
        _write(args, derivation, texts)
    _wrote(*texts)
    return OK


def _cost(args: argparse.Namespace) -> int:
    if (args.peak is None) != (args.bandwidth is None):
        raise InputError("the roofline needs both --peak and --bandwidth")
    if args.against is not None and args.plot is None:
        raise InputError("--against says what --plot draws against; give both")
    derivation = _read(args)
    with _progress("counting"):
        cost = derivation.cost(args.sizes, args.dtype)
        tables = cost.tables()
        if args.measure:
            tables.append(timing_table(list(runs(cost, _bound(derivation, args)))))
        if args.budget is not None:
            tables.append(cost.checkpoint_table(int(args.budget)))
        if args.peak is not None:
            tables.append(cost.roofline_table(args.peak, args.bandwidth))
    print("\n\n".join((markdown if args.markdown else plain)(t) for t in tables))
    with _progress("drawing"):
        if args.graph is not None:
            _wrote(derivation.save(args.graph, second=True))
        if args.plot is not None:
            name, *ends = args.against or (None,)
            _wrote(cost.plot(args.plot, name, doubled(*ends) if ends else ()))
    return OK


def _partition(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("splitting"):
        split, printed = answered(derivation, args)
    if args.verify:
        printed.append(str(split.verify(**_bound(derivation, args))))
    print("\n\n".join(printed))
    if args.output is not None:
        modules = split.modules()
        texts = dict(zip(output_paths(args.output, modules), modules.values(), strict=True))
        _write(args, derivation, texts)
        _wrote(*texts)
    return OK


def _bound(derivation: Derivation, args: argparse.Namespace) -> dict[str, Any]:

    return {name: bound_function(derivation.program, target) for name, target in args.bind}


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive
        return Path(os.path.realpath(path)).as_posix()


def _wrote(*paths: Path) -> None:
    print(f"wrote {', '.join(map(str, paths))}", file=sys.stderr)


@contextlib.contextmanager
def _progress(text: str) -> Iterator[None]:
    """A line that says what is under way, on a terminal only, and gone when it is done."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"\r{text} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "derive": _derive,
    "verify": _verify,
    "export": _export,
    "cost": _cost,
    "partition": _partition,
}
