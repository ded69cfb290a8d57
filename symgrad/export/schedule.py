"""A program in the forms and the order that code computes."""

from symgrad.export.association import UNKNOWN, Sizes, associated
from symgrad.export.contraction import planned
from symgrad.export.distribution import distributed
from symgrad.export.forms import computed, products
from symgrad.export.multiples import gathered
from symgrad.export.turning import turned
from symgrad.program import Program


def scheduled(program: Program, numbers: Sizes = UNKNOWN) -> Program:
    """The same program in the forms and the order that code computes, for the sizes that are known of its dimensions."""
    program = planned(computed(turned(program)), numbers)
    program = associated(distributed(program, numbers) if numbers else program, numbers)
    return gathered(products(program)).needed()
