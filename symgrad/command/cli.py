"""The command line: derive, verify, export, cost and partition a forward pass in a file.

Commands import what they need when they run, so that `symgrad --help` pays for no SymPy.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symgrad.command.arguments import FAILED, INTERRUPTED, OK, PIPE_CLOSED, UNSUPPORTED, WRONG, parser
from symgrad.command.outputs import places, write
from symgrad.core.budget import limits
from symgrad.core.files import split_target
from symgrad.errors import (
    InputError,
    NotDifferentiableError,
    SymgradError,
    UnsupportedError,
    VerificationError,
    printable,
)

if TYPE_CHECKING:
    from symgrad.core.program import Program
    from symgrad.derivation import Derivation

LONGEST_MESSAGE = 600


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code and never raises on purpose."""
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except VerificationError as error:
        return _say(error, FAILED)
    except (UnsupportedError, NotDifferentiableError) as error:
        return _say(error, UNSUPPORTED)
    except SymgradError as error:
        return _say(error, WRONG)
    except RecursionError:
        return _say("the forward pass is nested too deeply; name intermediate results", UNSUPPORTED)
    except MemoryError as error:  # NumPy says which array
        return _say(f"this machine has too little memory{_of(error)}; use smaller sizes", UNSUPPORTED)
    except RuntimeError as error:  # jax says it otherwise
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _say(f"this machine has too little memory{_of(error)}; use smaller sizes", UNSUPPORTED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")
        return PIPE_CLOSED
    except OSError as error:  # the terminal's end of a full disk; files say so themselves
        sys.stdout = open(os.devnull, "w")
        return _say(f"cannot write the output: {error.strerror or error}", WRONG)


def _of(error: Exception) -> str:
    return f": {error}" if str(error) else ""


def _say(error: object, code: int) -> int:
    text = printable(" ".join(str(error).split()))
    print(f"symgrad: error: {text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + '...'}", file=sys.stderr)
    return code


def _run(argv: Sequence[str]) -> int:
    known = parser(COMMANDS)
    try:
        args = known.parse_args(argv)
    except SystemExit as done:  # --help and --version
        return int(done.code or OK)
    if args.command is None:
        known.print_help()
        return OK
    with limits(**dict(args.limit)):
        code: int = args.command(args)
    sys.stdout.flush()
    if args.note:
        print(args.note, file=sys.stderr)
    return code


# commands -------------------------------------------------------------------------------------------------------------------


def _read(args: argparse.Namespace) -> Derivation:
    """The derivation that the arguments ask for."""
    path, function = split_target(args.file)
    with _progress("deriving"):
        from symgrad.derivation import Forward
        from symgrad.reading.door import read_file

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
            from symgrad.printing.document import WRITERS, made

            paths = places(args.output, [f"{derivation.program.name}{suffix}" for suffix in (".tex", ".py")], WRITERS)
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
        from symgrad.checking.points import read_point
        from symgrad.checking.verification import compare

        point = None if args.at is None else read_point(args.at)
        report = compare(derivation, args.seeds, args.tol, point, **_bound(derivation, args))
    print(report)
    return OK if report.ok else FAILED


def _export(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("exporting"):
        from symgrad.export.tests import module_name, pytest_module

        if args.tests and args.target != "numpy":
            raise InputError("--tests are for the NumPy module; one for another target tests itself when it runs as a script")
        (path,) = places(args.output, [f"{module_name(derivation.program.name, args.target)}.py"], [".py"])
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
    if args.measure:
        _one_core()
    derivation = _read(args)
    with _progress("counting"):
        from symgrad.costs.plots import doubled
        from symgrad.costs.timing import runs, table
        from symgrad.printing.tables import markdown, plain

        cost = derivation.cost(args.sizes, args.dtype)
        tables = cost.tables()
        if args.measure:
            tables.append(table(list(runs(cost, _bound(derivation, args)))))
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
    if args.verify:
        _virtual_devices(len(args.stages) + 1 if args.stages else math.prod((args.mesh or {}).values()))
    derivation = _read(args)
    with _progress("splitting"):
        from symgrad.partition.answers import answered

        split, printed = answered(derivation, args)
    if args.verify:
        printed.append(str(split.verify(**_bound(derivation, args))))
    print("\n\n".join(printed))
    if args.output is not None:
        modules = split.modules()
        texts = dict(zip(places(args.output, modules), modules.values(), strict=True))
        _write(args, derivation, texts)
        _wrote(*texts)
    return OK


def _bound(derivation: Derivation, args: argparse.Namespace) -> dict[str, Any]:
    from symgrad.checking.witness import bound_function

    return {name: bound_function(derivation.program, target) for name, target in args.bind}


def _virtual_devices(count: int) -> None:
    """jax is told, before it is imported, to show as many devices on this machine."""
    flag = f"--xla_force_host_platform_device_count={count}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def _one_core() -> None:
    """NumPy's libraries are told, before it is imported, to leave the other cores alone."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


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


COMMANDS = {"derive": _derive, "verify": _verify, "export": _export, "cost": _cost, "partition": _partition}
