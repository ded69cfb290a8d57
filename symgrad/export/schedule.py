"""A program in the forms and the order that code computes."""

from symgrad.export.association import associated
from symgrad.export.contraction import planned
from symgrad.export.forms import computed, products
from symgrad.export.multiples import gathered
from symgrad.export.turning import turned
from symgrad.program import Program


def scheduled(program: Program) -> Program:
    """The same program in the forms and the order that code computes."""
    return gathered(products(associated(planned(computed(turned(program)))))).needed()
