"""A program in the forms and the order that code computes."""

from functools import lru_cache

from symgrad.core.op import Dim
from symgrad.core.program import Program
from symgrad.planning.association import UNKNOWN, Sizes, associated
from symgrad.planning.distribution import distributed
from symgrad.planning.forms import in_code_forms, products
from symgrad.planning.multiples import gathered
from symgrad.planning.pairing import in_pairs
from symgrad.planning.turning import turned

PROGRAMS = 16
"""Programs whose schedule is kept: what is costed is written next, and read by several functions."""


def scheduled(program: Program, numbers: Sizes = UNKNOWN) -> Program:
    """The same program in the forms and the order that code computes, for the sizes that are known of its dimensions."""
    return _scheduled(program, tuple(numbers.items()))


@lru_cache(maxsize=PROGRAMS)
def _scheduled(program: Program, known: tuple[tuple[Dim, int], ...]) -> Program:
    numbers = dict(known)
    program = in_pairs(in_code_forms(turned(program)), numbers)
    program = associated(distributed(program, numbers) if numbers else program, numbers)
    return gathered(products(program)).needed()
