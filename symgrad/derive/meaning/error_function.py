"""The complementary error function where it is all but zero."""

from __future__ import annotations

import sympy

from symgrad.core.op import Node
from symgrad.derive.meaning.table import means
from symgrad.ops.activation import erfc, ndtr
from symgrad.ops.arithmetic import HALF, coefficient, multiply
from symgrad.ops.elementwise import exp
from symgrad.ops.error_function import erfcx, log_erfc
from symgrad.ops.powers import power


@means("log(erfc(x))", "log erfc as one function", "log")
def log_of_erfc(node: Node) -> Node | None:
    number, y = coefficient(node.args[0])
    if not number.is_positive or y.op not in (erfc, ndtr):
        return None
    x = y.args[0] if y.op is erfc else multiply(-sympy.sqrt(HALF), y.args[0])
    number = number if y.op is erfc else number / 2
    return log_erfc(x) if number == 1 else log_erfc(x) + sympy.log(number)


@means("exp(x^2) erfc(x)", "the scaled erfc", "scale", "hadamard")
def scaled_erfc(node: Node) -> Node | None:
    for e, f in (node.args, tuple(reversed(node.args))):
        if e.op is exp and f.op is erfc and e.args[0].op is power and e.args[0].params["exponent"] == 2:
            x = f.args[0]
            if e.args[0].args[0] in (x, -x):
                return erfcx(x, order=0)
    return None
