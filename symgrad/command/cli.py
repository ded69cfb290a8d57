"""The command line: one command, and what it exits with whatever happens.

The commands are imported when one runs, so that `symgrad --help` pays for no SymPy.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Sequence

from symgrad.command.arguments import FAILED, INTERRUPTED, OK, PIPE_CLOSED, UNSUPPORTED, WRONG, parser
from symgrad.core.budget import limits
from symgrad.errors import (
    NotDifferentiableError,
    SymgradError,
    UnsupportedError,
    VerificationError,
    printable,
)

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
    known = parser()
    try:
        args = known.parse_args(argv)
    except SystemExit as done:  # --help and --version
        return int(done.code or OK)
    if args.command is None:
        known.print_help()
        return OK
    _prepare(args)
    from symgrad.command.commands import COMMANDS  # noqa: PLC0415  (SymPy and NumPy come with them)

    with limits(**dict(args.limit)):
        code = COMMANDS[args.command](args)
    sys.stdout.flush()
    if args.note:
        print(args.note, file=sys.stderr)
    return code


def _prepare(args: argparse.Namespace) -> None:
    """What libraries read of the environment when they are imported."""
    if args.command == "cost" and args.measure:
        _one_core()
    if args.command == "partition" and args.verify:
        _virtual_devices(len(args.stages) + 1 if args.stages else math.prod((args.mesh or {}).values()))


def _virtual_devices(count: int) -> None:
    """jax is told, before it is imported, to show as many devices on this machine."""
    flag = f"--xla_force_host_platform_device_count={count}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def _one_core() -> None:
    """NumPy's libraries are told, before it is imported, to leave the other cores alone."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
