"""What the signs of a document mean: a sign that it uses is defined in it, and no other is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from symgrad.core.op import REGISTRY, Node, Op
from symgrad.printing.elements import Formulas, Inline, Math, Part, Prose, TablePart
from symgrad.printing.identifiers import DELTA, TANGENT, Choices, Notation

LAYOUT = (
    "A gradient has the shape of its variable. Arrays of one axis are columns; functions of one variable, roots and fractions "
    "of arrays act entry by entry; a number in a sum of arrays is added to every entry."
)
"""What holds in every document."""

NOTATION = (
    r"$A \odot B$ is the product of arrays entry by entry",
    r"$A \oslash B$ is the quotient entry by entry",
    r"$A^{\odot p}$ is the power entry by entry",
    r"$\mathbf{1}$ is a vector of ones",
    r"$\mathbf{0}$ is an array of zeros",
    r"$\mathbf{1}[\cdot]$ is 1 where the relation in the brackets holds and 0 elsewhere, also beside what has no value there",
    r"$\langle A, B \rangle$ is the sum of the products of entries, $\operatorname{tr}(A^{\top} B)$",
    r"$\lVert A \rVert_F$ is the root of the sum of the squares of all entries of a matrix",
    r"$\operatorname{diag}(x)$ is the diagonal matrix of a vector $x$, $\operatorname{diag}(X)$ the diagonal of a matrix $X$",
    r"$f_{\mathrm{rows}}(X)$ is $f$ of each row of $X$",
    r"$f_{\mathrm{columns}}(X)$ is $f$ of each column of $X$",
    rf"${TANGENT[0]}\!\left\{{x\right\}}$ is the derivative of $x$ along the given directions",
    r"$\bar{x}$ is the gradient of the value with respect to $x$",
    r"$\dot{x}$ is the derivative of $x$ along the given directions",
    r"$A \otimes B$ is the Kronecker product, the matrix of the blocks $a_{ij} B$, after products without a sign",
    r"$\operatorname{vec}(X)$ is the vector of the columns of $X$, one below the other",
    r"$\operatorname{sum}(X)$ is the sum over the axes in question",
    r"$\operatorname{broadcast}(x)$ holds copies of $x$ along new axes",
)
"""Signs that belong to no operation alone, since several print them or none does."""

INDEXED = (
    "Where arrays have more than two axes, equations are written entry by entry: indices count from 0, axes of size one have "
    rf"none, $\left[ A \right]_{{ij}}$ is the entry of what stands in the brackets, ${DELTA[0]}_{{ij}}$ is 1 where $i = j$ "
    "and 0 elsewhere, "
    r"and a sign $\sum$, $\prod$, $\max$ or $\min$ reaches to the next plus or minus."
)

_WORD = r"\\operatorname\{(?:[^{}]|\{[^{}]*\})*\}"
_SIGN = re.compile(
    rf"\\operatorname\{{(?:tr|diag|sum|broadcast)\}}_|\\operatorname\{{vec\}}\^|{_WORD}|\\mathbf\{{[01]\}}\[?|\^\{{\\odot|\\oslash_|\\o(?:dot|slash|times)\b|\\langle\b"
    r"|\\rVert_F|_\{\\mathrm\{(?:rows|columns)\}\}|\\mathcal\{[A-Z]\}|\\(?:bar|dot)\{|\\(?:Phi|sigma)(?=\(|\\left\()"
    r"|\\right\]_|\\(?:boldsymbol\{\\)?delta\}?_\{|\^\{\+\}|\\nabla\b|\[\\!\["
)


def signs_in(latex: str) -> frozenset[str]:
    """The signs in a formula that stand for an operation, beside those of arithmetic and calculus and the functions TeX knows."""
    return frozenset(_SIGN.findall(latex))


def sign_definitions(defines: str) -> Iterator[str]:
    """The clauses of a record's sentence, each of which defines signs of its own."""
    held = ""
    for clause in filter(None, defines.split("; ")):
        if held and defined_by(clause):
            yield held
            held = ""
        held = f"{held}; {clause}" if held else clause
    yield from [held] if held else []


def defined_by(definition: str) -> frozenset[str]:
    """The signs in the first formula of a definition, which are those that it defines."""
    return signs_in(_formulas(definition)[0])


def _formulas(sentence: str) -> list[str]:
    return sentence.split("$")[1::2]


def conventions(parts: Iterable[Part], printed: Iterable[Node], notation: Notation) -> Iterator[Inline]:
    """The layout, and a definition of every sign in these parts of a document; `printed` are the nodes that they show."""
    known = [lettered(d, TANGENT, notation) for d in NOTATION]
    known += _of_operations(dict.fromkeys(x.op for x in printed), notation)
    told = frozenset().union(*map(defined_by, known))
    known += [d for d in _of_operations(REGISTRY.values(), notation) if _is_word(d) and not defined_by(d) & told]
    used = frozenset().union(*(signs_in(text) for part in parts for text in _texts(part)))
    chosen = _chosen(known, used)
    yield from inlines(f"{LAYOUT} {'; '.join(chosen)}{'.' if chosen else ''}".strip())


def _of_operations(ops: Iterable[Op], notation: Notation) -> Iterable[str]:
    return dict.fromkeys(d for op in ops for d in sign_definitions(told_by(op, notation)))


def told_by(op: Op, notation: Notation | None = None) -> str:
    """What an operation says of its signs, with the letter that it is given."""
    return op.defines.replace("#0", (notation or Notation()).letter(op.letter)) if op.letter else op.defines


def lettered(definition: str, choices: Choices, notation: Notation) -> str:
    """A definition with the letter that is given in the place of the usual one."""
    return definition.replace(choices[0], notation.letter(choices))


def _is_word(definition: str) -> bool:
    """A word means the same wherever it stands, as in the words of a rule; a letter may be the author's."""
    own = defined_by(definition)
    return bool(own) and all(sign.startswith(r"\operatorname") for sign in own)


def _chosen(known: list[str], used: frozenset[str]) -> list[str]:
    """The definitions of what is used, and of what these use in their turn."""
    while True:
        chosen = [d for d in known if defined_by(d) <= used]
        more = used.union(*(signs_in(text) for d in chosen for text in _formulas(d)))
        if more == used:
            return chosen
        used = more


def inlines(sentence: str) -> Iterator[Inline]:
    """A sentence with its formulas between dollar signs, in pieces."""
    for at, piece in enumerate(sentence.split("$")):
        yield from [Math(piece) if at % 2 else piece] if piece else []


def _texts(part: Part) -> Iterator[str]:
    """The formulas of a part."""
    match part:
        case Prose(pieces):
            yield from (p.latex for p in pieces if isinstance(p, Math))
        case TablePart(_, rows):
            yield from (cell.latex for row in rows for cell in row if isinstance(cell, Math))
        case Formulas(lines):
            yield from (text for line in lines for text in (line.left, line.right))
