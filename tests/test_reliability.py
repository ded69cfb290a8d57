"""The figures of docs/reliability.md that a count can hold: hostile inputs by door, and the work that a large program takes."""

import re
from pathlib import Path

import pytest
from hostile import count

import symgrad as sg

PAGE = (Path(__file__).parents[1] / "docs" / "reliability.md").read_text(encoding="utf-8")
NODES = 5_000
"""Built and printed for an equation of a chain, gradient, product, print and export together, whatever its length."""


def test_the_page_has_the_count_of_hostile_inputs():
    by_door = [int(n) for n in re.findall(r"^\| .* \| (\d+) \|$", PAGE.partition("## Hostile input")[2].partition("- **")[0], re.M)]
    assert sorted(by_door) == sorted(count().values())
    assert f"{sum(by_door)} hostile inputs" in PAGE and sum(by_door) >= 200


@pytest.mark.parametrize("equations", [70, 200])
def test_the_work_grows_with_the_length_alone(equations):
    steps = "".join(f"    h{i} = tanh(W{i} @ h{i - 1})\n" for i in range(1, equations))
    weights = ", ".join(f'W{i}: "d d"' for i in range(1, equations))
    with sg.limits(nodes=NODES * equations):
        d = sg.forward(f'def f(h0: "d", {weights}):\n{steps}    return sum(h{equations - 1} ** 2)\n').derive()
        assert d.latex() and d.numpy()


def test_the_limit_on_work_bites():
    with pytest.raises(sg.SymgradError, match="nodes"), sg.limits(nodes=50):
        sg.forward('def f(x: "n"):\n    return sum(tanh(x) * sin(x))\n').derive().numpy()
