"""What a record says of its operation along every index is so: sizes, sums of products, entries side by side, linear operands."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cases import DISTINCT, case_of, function_of, numeric_shape, point, samples

from symgrad.core.op import REGISTRY
from symgrad.core.signature import FIRST, Signature, contraction, each, entrywise, opaque, together

CASES = [(label, case_of(op, sample)) for label, op, sample in samples()]
IDS = [label for label, _ in CASES]


def signature(case):
    return case.op.axes(case.node)


def value(case, at):
    return function_of(case.program, case.sizes)(at)[0]


def points(case):
    rng = np.random.default_rng(1)
    return point(case, rng), point(case, rng)


def sizes_of(case, found):
    """The size of every letter, which is the same wherever it stands."""
    sizes = {}
    for array, letters in zip((*case.operands, case.node), (*found.reads, found.result), strict=True):
        shape = numeric_shape(array.shape, case.sizes)
        assert len(letters) == len(shape), (letters, shape)
        for c, n in zip(letters, shape, strict=True):
            if c not in found.whole:
                assert sizes.setdefault(c, n) == n, f"{c} runs over {sizes[c]} and over {n}"
    return sizes


def check_sum_of_products(case, found):
    """By its definition, one entry after the other."""
    sizes = sizes_of(case, found)
    at, _ = points(case)
    wanted = np.zeros(numeric_shape(case.node.shape, case.sizes))
    for index in itertools.product(*map(range, sizes.values())):
        places = dict(zip(sizes, index, strict=True))
        product = np.prod([at[str(x)][tuple(places[c] for c in s)] for x, s in zip(case.operands, found.reads, strict=True)])
        wanted[tuple(places[c] for c in found.result)] += product
    np.testing.assert_allclose(value(case, at), wanted, rtol=1e-10, atol=1e-10)


def check_entries_side_by_side(case, found):
    """Along a letter that is not whole, one entry of the result reads that entry of the operands alone."""
    here, elsewhere = points(case)
    for axis, c in enumerate(found.result):
        if c in found.whole or found.result.count(c) > 1:
            continue
        mixed = {}
        for x, s in zip(case.operands, found.reads, strict=True):
            name, places = str(x), tuple(0 if d == c else slice(None) for d in s)
            mixed[name] = np.array(elsewhere[name] if c in s else here[name])
            mixed[name][places] = here[name][places]
        np.testing.assert_array_equal(np.take(value(case, mixed), 0, axis), np.take(value(case, here), 0, axis), err_msg=c)


def check_linear(case, found):
    """f(2 x - 3 y) = 2 f(x) - 3 f(y) in each set of operands."""
    x, y = points(case)
    for operands in found.linear:
        names = [str(case.operands[i]) for i in operands]
        mixed = x | {name: 2 * x[name] - 3 * y[name] for name in names}
        wanted = 2 * value(case, x) - 3 * value(case, x | {name: y[name] for name in names})
        np.testing.assert_allclose(value(case, mixed), wanted, rtol=1e-8, atol=1e-8, err_msg=str(names))


def check(case, found):
    sizes_of(case, found)
    check_entries_side_by_side(case, found)
    check_linear(case, found)
    if found.is_contraction:
        check_sum_of_products(case, found)


@pytest.mark.parametrize(("label", "case"), CASES, ids=IDS)
def test_what_a_record_says(label, case):
    check(case, signature(case))


WRONG = [
    ("matmul", "a product along the other axis", contraction("ij,kj->ik")),
    ("matmul", "a sum of other entries", contraction("ij,jk->ki")),
    ("tanh", "linear", lambda node: entrywise(node, FIRST)),
    ("softmax", "entry by entry", entrywise),
    ("hadamard", "linear in both together", lambda node: entrywise(node, together(node.args))),
    ("cumsum", "side by side along its axis", lambda node: entrywise(node, FIRST)),
    ("tril", "entry by entry with weights of one", lambda node: entrywise(node, each(node.args))),
    ("det", "linear", lambda node: opaque(node, FIRST)),
]


@pytest.mark.parametrize(("name", "what", "wrong"), WRONG, ids=[f"{name}: {what}" for name, what, _ in WRONG])
def test_a_wrong_word_is_found(name, what, wrong):
    case = case_of(REGISTRY[name], REGISTRY[name].samples[0], DISTINCT)
    with pytest.raises(AssertionError):
        check(case, wrong if isinstance(wrong, Signature) else wrong(case.node))


def test_summands_pass_only_where_something_is_linear():
    assert all(found.linear for found in (signature(case) for _, case in CASES) if found.partial)
