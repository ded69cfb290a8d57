"""What the command line takes: the arguments of each command, their types and their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from symgrad.core.version import VERSION
from symgrad.errors import InputError, printable

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
  symgrad derive models.py:ridge -o ridge.pdf   the document alone, in the form that the suffix names
  symgrad derive plain.py --shape X="n d" --shape w=d    for a function without annotations

{_EXIT_CODES}"""

_VERIFY = f"""examples:
  symgrad verify mlp.py --wrt W1 W2
  symgrad verify models.py:ridge --seeds 5
  symgrad verify barrier.py --at point.npz      at the point that np.savez("point.npz", x=..., A=...) wrote
  symgrad verify d2l.py --bind phi=tanh --bind l=squared    l is bound to the function `squared` of d2l.py, phi to jax's tanh

{_EXIT_CODES}"""

_EXPORT = f"""examples:
  symgrad export mlp.py --wrt W1 W2             mlp_gradients.py: value, grad, hvp, hessian; it imports numpy alone
  symgrad export models.py:ridge -o src/ --tests     also test_ridge_gradients.py, which pytest runs as it is
  symgrad export mlp.py --target jax            mlp_gradients_jax.py: the same over jax, each function pure
  symgrad export mlp.py --target numba          mlp_gradients_numba.py: compiled by numba, for many calls on small arrays
  symgrad export mf.py --sizes m=9000,n=400,k=5     products in the order that costs least at these sizes

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


def parser() -> argparse.ArgumentParser:
    """Everything that the command line takes."""
    found = _Parser(
        prog="symgrad", description="Backward equations in closed matrix form, from the forward pass you already have.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    found.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    found.set_defaults(command=None)
    added = found.add_subparsers(title="commands", metavar="COMMAND")
    derive = _command(added, "derive", "print the backward equations; write LaTeX and NumPy code", _DERIVE)
    derive.add_argument(
        "-o",
        "--output",
        type=_path,
        metavar="OUT",
        help="folder for NAME.tex and NAME.py, made if it is missing; or one file, by its suffix .tex, .pdf, .html, .md, ...",
    )
    verify = _command(added, "verify", "hold every derived quantity against jax", _VERIFY)
    verify.add_argument("--seeds", type=_seeds, default=2, metavar="N", help="number of random points, each of other sizes (2)")
    verify.add_argument("--tol", type=_tolerance, default=1e-9, help="largest relative error allowed (1e-9)")
    verify.add_argument(
        "--at",
        type=_path,
        metavar="FILE.npz",
        help="a point of your own in place of random ones: an array for each input, by name",
    )
    _add_bind(verify)
    export = _command(added, "export", "write a standalone NumPy module, and tests for it", _EXPORT)
    export.add_argument(
        "-o",
        "--output",
        type=_path,
        default=Path(),
        metavar="OUT",
        help="folder to write to (this one), or a file that ends in .py",
    )
    export.add_argument(
        "--target",
        default="numpy",
        metavar="LIBRARY",
        help="numpy, jax for functions that jax.jit takes, or numba for compiled ones (numpy)",
    )
    export.add_argument("--sizes", type=_sizes, metavar="DIM=N,...", help="known sizes: products in the order that suits them")
    export.add_argument("--tests", action="store_true", help="also write a pytest file that holds the module against jax")
    _add_bind(export)
    _add_cost(added)
    _add_partition(added)
    return found


def _add_cost(added: Any) -> None:
    cost = _command(added, "cost", "count flops and memory, as formulas and as numbers", _COST)
    cost.add_argument("--sizes", type=_sizes, metavar="DIM=N,...", help="the size of every dimension; without it formulas alone")
    cost.add_argument("--dtype", default="float64", help="float16, float32 or float64 (float64)")
    cost.add_argument("--budget", type=_tolerance, metavar="BYTES", help="the cheapest recomputing that keeps no more than this")
    cost.add_argument("--peak", type=_tolerance, metavar="FLOPS", help="flops a second of the machine, for the roofline")
    cost.add_argument("--bandwidth", type=_tolerance, metavar="BYTES", help="bytes a second of its memory, for the roofline")
    cost.add_argument("--measure", action="store_true", help="run the exported code at these sizes on one core: how long it takes")
    _add_bind(cost)
    cost.add_argument("--graph", type=_path, metavar="FILE", help="draw the graph of all passes, as .svg or .png (Graphviz)")
    cost.add_argument(
        "--plot", type=_path, metavar="FILE", help="draw memory and flops over a training step, as .svg, .png or .pdf"
    )
    cost.add_argument(
        "--against", type=_range, metavar="DIM=A..B", help="with --plot: against the sizes of a dimension, by doubling"
    )
    cost.add_argument("--markdown", action="store_true", help="tables in Markdown")


def _add_partition(added: Any) -> None:
    split = _command(added, "partition", "split the gradient over a mesh of devices", _PARTITION)
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
    split.add_argument("-o", "--output", type=_path, metavar="OUT", help="folder for the two modules that run on jax")
    split.add_argument("--markdown", action="store_true", help="tables in Markdown")


def _command(added: Any, name: str, says: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = added.add_parser(
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
    parser.set_defaults(command=name)
    return parser


def _add_bind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind", action="append", default=[], type=_pair, metavar="NAME=FUNCTION",
        help="stand-in for a generic function: a function of jax or of FILE",
    )  # fmt: skip


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"symgrad {VERSION}")
        parser.exit()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no NAME=VALUE")
    return name, value


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{printable(text)!r} is no name of a file or a folder")
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
