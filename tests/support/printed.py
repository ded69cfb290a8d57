"""What every sample prints as, by hand, and whether precedences put brackets where the text needs them and nowhere else."""

from __future__ import annotations

import re

from cases import Case
from latex_forms import FORMS

from symgrad.core.op import ATOM, CHAIN, POWER, PRODUCT, QUOTIENT, SUM, variable
from symgrad.ops.arithmetic import add
from symgrad.printing.latex import Show


def name_of(case: Case) -> str:
    static = ",".join(f"{k}={v}" for k, v in case.sample.static.items())
    return f"{case.op.name}({'; '.join(case.sample.specs)}{'; ' if static else ''}{static})"


_NAME = r"\\(?:operatorname\{[^{}]*\}|[a-z]+)(?:[_^](?:\{[^{}]*\}|\w))*"


def plain(text: str, operands: int) -> bool:
    """Is it a function's name, with what stands above and below it, and its operands in their order?"""
    inside = ", ".join(f"X_{i + 1}" for i in range(operands))
    return re.fullmatch(rf"{_NAME}\({inside}\)", text) is not None


def check_printed(case: Case) -> None:
    """As written by hand, or as a function of its operands."""
    found, name = Show().text(case.node), name_of(case)
    if name not in FORMS:
        assert plain(found, len(case.operands)), f"{name} prints as {found}; give it a line in tests/support/latex_forms.py"
        return
    assert found == FORMS[name], f"{name} prints as {found}, expected {FORMS[name]}"


# how tightly a text holds together ----------------------------------------------------------------------------------------

_TOKEN = re.compile(r"\\begin\{\w+\}(?:\{\w+\})?|\\end\{\w+\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.")
_PAIRS = {"{": "}", "(": ")", "[": "]", r"\lVert": r"\rVert", r"\lvert": r"\rvert", r"\langle": r"\rangle"}
_SILENT = {r"\left", r"\right", r"\,", r"\;", r"\ "}
_WORDS = {r"\operatorname", r"\mathbf", r"\mathrm", r"\mathcal", r"\text"}
_BINARY = {"+": SUM, "-": SUM, r"\odot": PRODUCT, r"\oslash": QUOTIENT, r"\otimes": QUOTIENT}


def looseness(text: str) -> int:
    """The weakest operator outside all brackets: a sum, an entrywise product, factors side by side, an exponent, or none."""
    if text.endswith(r"\right."):
        return SUM  # cases behind one brace
    tokens = [t for t in _TOKEN.findall(text) if t not in _SILENT]
    found, factors = ATOM, 0
    while tokens:
        token = tokens[0]
        if token in _BINARY:
            found, factors = min(found, _BINARY[token]), 0
            tokens.pop(0)
            if tokens[0] == "_":  # the value of a quotient at 0 / 0
                tokens.pop(0)
                _group(tokens)
        elif token.isspace():
            tokens.pop(0)
        else:
            found, factors = min(found, _factor(tokens)), factors + 1
        if factors > 1:
            found = min(found, CHAIN)
    return found


def _factor(tokens: list[str]) -> int:
    """One factor is taken off the tokens: a letter, a number, a bracket or an application, with what stands above and below it."""
    token, bracketed = tokens.pop(0), False
    if token == r"\nabla":  # it stands before what it differentiates as an exponent stands behind
        if tokens[0] == "^":
            tokens.pop(0)
            _group(tokens)
        while tokens[0].isspace():
            tokens.pop(0)
        level = min(POWER, _factor(tokens))
        if tokens[:1] == ["["]:  # the directions along which it is differentiated
            _group(tokens)
        return level
    if token == r"\log" and tokens[:2] == [" ", r"\lvert"]:  # the bars are the brackets of what it is applied to
        tokens.pop(0)
        return min(POWER, _factor(tokens))
    if token in _PAIRS or token.startswith(r"\begin"):
        _skip(tokens, _PAIRS.get(token, token.replace("begin", "end").split("}")[0] + "}"), token)
        bracketed = True
    level = POWER if token in (r"\frac", r"\sqrt") else ATOM
    for _ in range({r"\frac": 2, r"\sqrt": 1}.get(token, int(token in _WORDS))):
        if tokens[0] == "[":
            _group(tokens)
        _group(tokens)
    raised = False
    while tokens and tokens[0] in ("^", "_", "'"):
        raised |= tokens[0] == "^"
        if tokens.pop(0) != "'":
            _group(tokens)
    if tokens and tokens[0] in ("(", "[") and not bracketed:
        _group(tokens)
        raised &= bool(tokens) and tokens[0] == "^"
    return POWER if raised else level


def _group(tokens: list[str]) -> None:
    """A bracket, or the one token that stands for it."""
    while tokens[0].isspace():
        tokens.pop(0)
    token = tokens.pop(0)
    if token in _PAIRS:
        _skip(tokens, _PAIRS[token], token)


def _skip(tokens: list[str], closing: str, opening: str) -> None:
    depth = 1
    while depth:
        token = tokens.pop(0)
        depth += (token == opening) - (token == closing)


def check_brackets(case: Case) -> None:
    """The precedence that is declared is the one that the text has, whatever sums are put in for its operands."""
    for operands in ((), *range(len(case.operands))):
        raised = [add(X, variable(f"Y{i}", X.shape)) if i == operands else X for i, X in enumerate(case.operands)]
        if isinstance(operands, int) and "int" in case.operands[operands].params["properties"]:
            continue
        node, show = case.op.node(*raised, **case.sample.static), Show()
        text = show.text(node)
        declared, measured = show._done[node][1], looseness(text)
        assert declared == measured, f"{name_of(case)}: {text} holds together with {measured}, declared is {declared}"
