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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from symgrad import __version__
from symgrad.budget import limits
from symgrad.errors import (
    InputError,
    NotDifferentiableError,
    SymgradError,
    UnsupportedError,
    VerificationError,
    printable,
)

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

LONGEST_MESSAGE = 600
MOST_SEEDS, LARGEST_SIZE = 1000, 10**15

OK, FAILED, WRONG, UNSUPPORTED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 130, 141

_EXIT_CODES = f"exit codes: {OK} ok, {FAILED} verification failed, {WRONG} wrong input or usage, {UNSUPPORTED} not supported"

_EXAMPLES = f"""examples:
  symgrad derive mlp.py --wrt W1 W2 -o out/     the backward equations, and out/mlp.tex, out/mlp.py
  symgrad verify models.py:mlp --seeds 3        hold them against jax at three random points
  symgrad export mlp.py --wrt W1 W2 --tests     mlp_gradients.py and a pytest file for it
  symgrad cost mlp.py --sizes d=784,h=256,q=10  flops and memory of prediction, training and second order
  symgrad partition mlp.py --mesh data=4,model=2 --plan n=data h=model    the gradient split over eight devices

{_EXIT_CODES}"""

_DERIVE = f"""examples:
  symgrad derive mlp.py --wrt W1 W2             print the equations
  symgrad derive models.py:ridge -o out/        of one function of several; also out/ridge.tex and out/ridge.py
  symgrad derive plain.py --shape X="n d" --shape w=d    for a function without annotations

{_EXIT_CODES}"""

_VERIFY = f"""examples:
  symgrad verify mlp.py --wrt W1 W2
  symgrad verify models.py:ridge --seeds 5
  symgrad verify d2l.py --bind phi=tanh --bind l=squared    l is bound to the function `squared` of d2l.py, phi to jax's tanh

{_EXIT_CODES}"""

_EXPORT = f"""examples:
  symgrad export mlp.py --wrt W1 W2             mlp_gradients.py: value, grad, hvp, hessian; it imports numpy alone
  symgrad export models.py:ridge -o src/ --tests     also test_ridge_gradients.py, which pytest runs as it is
  symgrad export mlp.py --target jax            the same over jax, each function pure
  symgrad export mlp.py --target numba          the same compiled by numba, for many calls on small arrays

{_EXIT_CODES}"""


_COST = f"""examples:
  symgrad cost mlp.py --wrt W1 W2               formulas in the dimensions
  symgrad cost mlp.py --sizes d=784,h=256,q=10,n=64 --dtype float32     and numbers
  symgrad cost deep.py --sizes n=64,d=512 --budget 8e6    what to recompute so that 8 MB of intermediates are enough
  symgrad cost mlp.py --sizes d=784,h=256,q=10,n=64 --measure --graph out/second.svg     how long; the graph with second order
  symgrad cost mlp.py --sizes d=784,h=256,q=10,n=64 --plot out/cost.svg --against n=1..1024     memory and flops as a picture
  symgrad cost mlp.py --sizes d=784,h=256,q=10,n=64 --peak 1e12 --bandwidth 5e10     which equations wait for memory

{_EXIT_CODES}"""


_PARTITION = f"""examples:
  symgrad partition mlp.py --mesh data=4 --plan n=data    every dimension n split: what each device computes, sends and holds
  symgrad partition mlp.py --mesh data=4,model=2 --plan n=data W1=model,- W2=-,model -o out/    and modules that run on jax
  symgrad partition mlp.py --mesh data=4,model=2 --plan n=data h=model --sizes n=16,d=6,h=8,q=5 --verify    run them here
  symgrad partition mlp.py --stages H --batch n --microbatches 4    a pipeline of two stages, the first up to H
  symgrad partition mlp.py --mesh devices=4 --compare n    when to split which dimension, and when to take smaller minibatches
  symgrad partition mlp.py --mesh data=8 --sizes n=64,d=784,h=256,q=10 --peak 1e12 --bandwidth 1e10 --latency 1e-6 --budget 2e6

{_EXIT_CODES}"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as every other error."""
        raise InputError(f"{message}; see {self.prog} --help")


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
    except (RecursionError, MemoryError):
        return _say("the forward pass is too deep or too large for this machine", UNSUPPORTED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")
        return PIPE_CLOSED
    except OSError as error:  # the terminal's end of a full disk; files say so themselves
        sys.stdout = open(os.devnull, "w")
        return _say(f"cannot write the output: {error.strerror or error}", WRONG)


def _say(error: object, code: int) -> int:
    text = printable(" ".join(str(error).split()))
    print(f"symgrad: error: {text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + '...'}", file=sys.stderr)
    return code


def _run(argv: Sequence[str]) -> int:
    parser = _parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as done:  # --help and --version
        return int(done.code or OK)
    if args.command is None:
        parser.print_help()
        return OK
    with limits(**dict(args.limit)):
        code: int = args.command(args)
    sys.stdout.flush()
    return code


# arguments ------------------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="symgrad", description="Backward equations in closed matrix form, from the forward pass you already have.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    derive = _command(commands, "derive", _derive, "print the backward equations; write LaTeX and NumPy code", _DERIVE)
    derive.add_argument(
        "-o", "--output", type=_folder, metavar="OUT", help="folder for NAME.tex and NAME.py; made if it is missing"
    )
    verify = _command(commands, "verify", _verify, "hold every derived quantity against jax", _VERIFY)
    verify.add_argument("--seeds", type=_seeds, default=2, metavar="N", help="number of random points, each of other sizes (2)")
    verify.add_argument("--tol", type=_tolerance, default=1e-9, help="largest relative error allowed (1e-9)")
    _add_bind(verify)
    export = _command(commands, "export", _export, "write a standalone NumPy module, and tests for it", _EXPORT)
    export.add_argument("-o", "--output", type=_folder, default=Path(), metavar="OUT", help="folder to write to (this one)")
    export.add_argument(
        "--target",
        default="numpy",
        metavar="LIBRARY",
        help="numpy, jax for functions that jax.jit takes, or numba for compiled ones (numpy)",
    )
    export.add_argument("--sizes", type=_sizes, metavar="DIM=N,...", help="known sizes: products in the order that suits them")
    export.add_argument("--tests", action="store_true", help="also write a pytest file that holds the module against jax")
    _add_bind(export)
    _add_cost(commands)
    _add_partition(commands)
    return parser


def _add_cost(commands: Any) -> None:
    cost = _command(commands, "cost", _cost, "count flops and memory, as formulas and as numbers", _COST)
    cost.add_argument("--sizes", type=_sizes, metavar="DIM=N,...", help="the size of every dimension; without it formulas alone")
    cost.add_argument("--dtype", default="float64", help="float16, float32 or float64 (float64)")
    cost.add_argument("--budget", type=_tolerance, metavar="BYTES", help="the cheapest recomputing that keeps no more than this")
    cost.add_argument("--peak", type=_tolerance, metavar="FLOPS", help="flops a second of the machine, for the roofline")
    cost.add_argument("--bandwidth", type=_tolerance, metavar="BYTES", help="bytes a second of its memory, for the roofline")
    cost.add_argument("--measure", action="store_true", help="run the exported code at these sizes on one core: how long it takes")
    _add_bind(cost)
    cost.add_argument("--graph", type=_folder, metavar="FILE", help="draw the graph of all passes, as .svg or .png (Graphviz)")
    cost.add_argument(
        "--plot", type=_folder, metavar="FILE", help="draw memory and flops over a training step, as .svg, .png or .pdf"
    )
    cost.add_argument(
        "--against", type=_range, metavar="DIM=A..B", help="with --plot: against the sizes of a dimension, by doubling"
    )
    cost.add_argument("--markdown", action="store_true", help="tables in Markdown")


def _add_partition(commands: Any) -> None:
    split = _command(commands, "partition", _partition, "split the gradient over a mesh of devices", _PARTITION)
    split.add_argument("--mesh", type=_sizes, metavar="AXIS=N,...", help="the devices, as a grid with named axes")
    split.add_argument(
        "--plan", nargs="+", default=[], type=_pair, metavar="NAME=AXIS",
        help="a dimension over a mesh axis, n=data, or the axes of an array, W1=model,-",
    )  # fmt: skip
    split.add_argument("--compare", metavar="DIM", help="each dimension split, beside minibatches of this one, the batch")
    split.add_argument(
        "--stages", nargs="+", metavar="NAME", help="a pipeline in place of a mesh: the value that ends each stage but the last"
    )
    split.add_argument("--batch", metavar="DIM", help="the dimension of which a pipeline takes microbatches")
    split.add_argument("--microbatches", type=_positive, default=1, metavar="N", help="how many (1)")
    split.add_argument("--sizes", type=_sizes, metavar="DIM=N,...", help="the size of every dimension; without it formulas alone")
    split.add_argument("--dtype", default="float64", help="float16, float32 or float64 (float64)")
    split.add_argument("--peak", type=_tolerance, metavar="FLOPS", help="flops a second of a device, for the time of a step")
    split.add_argument("--bandwidth", type=_tolerance, metavar="BYTES", help="bytes a second between devices")
    split.add_argument("--latency", type=_tolerance, default=0.0, metavar="SECONDS", help="seconds a message (0)")
    split.add_argument("--budget", type=_tolerance, metavar="BYTES", help="choose the fastest plan that holds no more on a device")
    split.add_argument("--verify", action="store_true", help="run it on virtual devices of this machine, against one device")
    _add_bind(split)
    split.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder for the two modules that run on jax")
    split.add_argument("--markdown", action="store_true", help="tables in Markdown")


def _command(commands: Any, name: str, run: Any, says: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE[:FUNCTION]", help="Python file with the forward pass; it is read, never run")
    parser.add_argument("--wrt", nargs="+", default=[], metavar="NAME", help="derive with respect to these (all float inputs)")
    parser.add_argument("--shape", action="append", default=[], type=_pair, metavar="NAME=SHAPE", help='shape of an input, W="h d"')
    parser.add_argument(
        "--limit", action="append", default=[], type=_limit, metavar="NAME=N",
        help="another limit for this command: seconds, memory, equations, ... (docs/reliability.md)",
    )  # fmt: skip
    parser.set_defaults(command=run)
    return parser


def _add_bind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind", action="append", default=[], type=_pair, metavar="NAME=FUNCTION",
        help="stand-in for a generic function: a function of jax or of FILE",
    )  # fmt: skip


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"symgrad {__version__}")
        parser.exit()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no NAME=VALUE")
    return name, value


def _folder(text: str) -> Path:
    if "\0" in text:
        raise argparse.ArgumentTypeError("no folder has NUL in its name")
    return Path(text)


def _positive(text: str, most: int = LARGEST_SIZE) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 0 < int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no positive number up to {most}")
    return int(text)


def _seeds(text: str) -> int:
    return _positive(text, MOST_SEEDS)


def _limit(text: str) -> tuple[str, float]:
    name, value = _pair(text)
    return name, _tolerance(value)


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no positive number")
    return value


def _sizes(text: str) -> dict[str, int]:
    pairs = [_pair(part.strip()) for part in text.split(",") if part.strip()]
    if len(dict(pairs)) < len(pairs):
        raise argparse.ArgumentTypeError(f"a dimension has two sizes in {text[:40]!r}")
    return {name: _positive(n) for name, n in pairs}


def _range(text: str) -> tuple[str, int, int]:
    name, value = _pair(text)
    least, dots, most = value.partition("..")
    if not dots or _positive(least) > _positive(most):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no DIM=A..B, as in n=1..1024")
    return name, int(least), int(most)


def split_target(text: str) -> tuple[Path, str | None]:
    """FILE or FILE:FUNCTION; the colon of C:\\models\\mlp.py belongs to the file."""
    file, colon, function = text.rpartition(":")
    is_function = colon and function.isidentifier() and not os.path.exists(text) and len(file) > 1
    return (Path(file), function) if is_function else (Path(text), None)


# commands -------------------------------------------------------------------------------------------------------------------


def _read(args: argparse.Namespace) -> Derivation:
    """The derivation that the arguments ask for."""
    path, function = split_target(args.file)
    with _progress("deriving"):
        from symgrad.derivation import Forward
        from symgrad.reading.source import read_file

        forward = Forward(read_file(path, dict(args.shape), function))
        return forward.derive(*(name for word in args.wrt for name in word.split(",") if name))


def _derive(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("deriving"):
        printed = str(derivation)
    print(printed)
    if args.output is not None:
        with _progress("writing"):
            paths = [args.output / f"{derivation.program.name}{suffix}" for suffix in (".tex", ".py")]
            _spare_source(args, paths)
            derivation.numpy(), derivation.latex()  # what cannot be written is known before the first file is
            for path in paths:
                derivation.save(path)
        _wrote(*paths)
    return OK


def _spare_source(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """mlp.py may define mlp, whose derivation is written to mlp.py."""
    source = split_target(args.file)[0].resolve()
    if any(path.resolve() == source for path in paths):
        raise InputError(f"{source.name} would be written over; choose another folder with -o")


def _verify(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("comparing with jax"):
        from symgrad.verify import compare

        report = compare(derivation, tuple(range(args.seeds)), args.tol, **_bound(derivation, args))
    print(report)
    return OK if report.ok else FAILED


def _export(args: argparse.Namespace) -> int:
    derivation = _read(args)
    with _progress("exporting"):
        from symgrad.export.tests import module_name, pytest_module
        from symgrad.files import write_text

        name = module_name(derivation.program.name)
        if args.tests and args.target != "numpy":
            raise InputError("--tests are for the NumPy module; one for another target tests itself when it runs as a script")
        texts = {args.output / f"{name}.py": derivation.code(args.target, args.sizes)}
        if args.tests:
            source = _relative(split_target(args.file)[0], args.output)
            texts[args.output / f"test_{name}.py"] = pytest_module(derivation.program, source, dict(args.bind))
        _spare_source(args, list(texts))
        for path, text in texts.items():
            write_text(path, text)
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
        from symgrad.plots import doubled
        from symgrad.printing.tables import markdown, plain
        from symgrad.timing import runs, table

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
        from symgrad.partition.command import answered

        split, printed = answered(derivation, args)
    if args.verify:
        printed.append(str(split.verify(**_bound(derivation, args))))
    print("\n\n".join(printed))
    if args.output is not None:
        _wrote(*split.save(args.output))
    return OK


def _bound(derivation: Derivation, args: argparse.Namespace) -> dict[str, Any]:
    from symgrad.witness import bound_function

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
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


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
