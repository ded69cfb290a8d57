"""Mutants that change nothing that could be seen, each with the reason; patterns over `record.field: what`."""

from __future__ import annotations

import re

EQUIVALENT: dict[str, str] = {
    r"(add|stack)\.[vj][jv]p: x1 taken for x2": "a linear rule reads of its operands their shapes alone, and those are the same",
    r"select\.[vj][jv]p: x3 taken for x4": "the choice reads of its branches their shapes alone, and those are the same",
    r"sum_of_deviations\.apply: (sign|factor 2|one operand too few)": "the sum is zero, and so is what is made of zero",
    r"wins\.vjp: x1 taken for x2": "the derivative is zero whatever the operands are",
    r"add\.vjp: cotangents 1 and 2 exchanged": "every term of a sum is handed the same cotangent",
    r"(add|hadamard|maximum|minimum|hypot|logaddexp|dot)\.numpy: x1 and x2 exchanged": "the operation is commutative",
    r"scale\.vjp: doubled where x1 = 0 in x2": "where the factor is zero the cotangent is zero, and twice that is the same",
    r"(trace|diagonal)\.vjp: transpose": "the cotangent is a diagonal matrix, its own transpose",
    r"(diag|embed)\.(jvp|numpy): transpose": "the value is a diagonal matrix, its own transpose",
    r"cholesky\.vjp: transpose": "the factor is one of the symmetric part, so the cotangent is symmetric",
    r"(select|transpose|direction|cofactor)\.precedence: .*": "every form that it prints states a precedence of its own",
}


def reason(name: str) -> str | None:
    """Why a mutant is equivalent, None where it is not."""
    return next((why for pattern, why in EQUIVALENT.items() if re.fullmatch(pattern, name)), None)
