"""A program in the forms and the order that code computes."""

from symgrad.export.association import associated
from symgrad.export.contraction import planned
from symgrad.export.forms import computed
from symgrad.program import Program


def scheduled(program: Program) -> Program:
    """The same program in the forms and the order that code computes."""
    return associated(planned(computed(program))).needed()
