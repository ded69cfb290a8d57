"""Loops print as books write recurrences: rows under a running index, the backward recursion, sums over the steps."""

from __future__ import annotations

from loops import CASES, D, H, T, looped, row, scalar, step, tanh, total, var

import symgrad.derivation  # noqa: F401  (registers how programs print)
from symgrad.core.loop import Feed
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.simplification import legible
from symgrad.derive.tangents import direction_names, tangent


def rnn() -> Program:
    """h_t = tanh(W h_{t-1} + U x_t), and a loss of the last state."""
    x, h0, W, U = var("x", T, D), var("h0", H), var("W", H, H), var("U", H, D)
    c, u, z, a = var("c", H), var("u", D), var("z", H), var("a", H)
    loop = looped(step([c, u, W, U], {z: W @ c + U @ u, a: tanh(z)}, [a, z]), [h0], [Feed(x)], [W, U], "h", "z")
    return scalar("rnn", [x, h0, W, U], loop, total(row(loop.states[0], T) ** 2), lambda **_: None).program


FORWARD = """\
for t = 1, …, T:
  zₜ = W hₜ₋₁ + U xₜ
  hₜ = tanh(zₜ)
"""

BACKWARD = """\
      J = ‖h_T‖²
∂J/∂h_T = 2 h_T
for t = T, …, 1:
    ∂J/∂zₜ = (1 - hₜ^⊙2) ⊙ ∂J/∂hₜ
  ∂J/∂hₜ₋₁ = Wᵀ ∂J/∂zₜ
    ∂J/∂xₜ = Uᵀ ∂J/∂zₜ
∂J/∂W = ∑_{t = 1..T} ∂J/∂zₜ hₜ₋₁ᵀ
∂J/∂U = ∑_{t = 1..T} ∂J/∂zₜ xₜᵀ"""

PRODUCT = """\
R{h₀} = v₀
for t = 1, …, T:
  R{zₜ} = V_W hₜ₋₁ + W R{hₜ₋₁} + V_U xₜ + U (Vₓ)ₜ
  R{hₜ} = (1 - hₜ^⊙2) ⊙ R{zₜ}
∂J/∂h_T = 2 h_T
for t = T, …, 1:
    ∂J/∂zₜ = (1 - hₜ^⊙2) ⊙ ∂J/∂hₜ
  ∂J/∂hₜ₋₁ = Wᵀ ∂J/∂zₜ
R{∂J/∂h_T} = 2 R{h_T}
for t = T, …, 1:
    R{∂J/∂zₜ} = (1 - hₜ^⊙2) ⊙ R{∂J/∂hₜ} - 2 (hₜ ⊙ R{hₜ} ⊙ ∂J/∂hₜ)
  R{∂J/∂hₜ₋₁} = V_Wᵀ ∂J/∂zₜ + Wᵀ R{∂J/∂zₜ}
    R{∂J/∂xₜ} = V_Uᵀ ∂J/∂zₜ + Uᵀ R{∂J/∂zₜ}
R{∂J/∂W} = ∑_{t = 1..T} (R{∂J/∂zₜ} hₜ₋₁ᵀ + ∂J/∂zₜ R{hₜ₋₁}ᵀ)
R{∂J/∂U} = ∑_{t = 1..T} (R{∂J/∂zₜ} xₜᵀ + ∂J/∂zₜ (Vₓ)ₜᵀ)"""


def test_the_backward_recursion_of_a_recurrent_network_is_the_books():
    """Dive into Deep Learning, 9.7: one line a quantity, the last state apart, shared weights as sums over the steps."""
    program = rnn()
    assert str(legible(adjoint(program, program.inputs).needed())) == FORWARD + BACKWARD


def test_pearlmutters_recursion_for_the_hessian_vector_product():
    program = rnn()
    backward = adjoint(program, program.inputs)
    moved = tangent(backward, direction_names(program, program.inputs), backward.outputs[1:])
    assert str(legible(moved.needed())) == FORWARD + PRODUCT


def test_in_latex_every_block_is_an_environment_of_its_own():
    program = rnn()
    text = legible(adjoint(program, program.inputs).needed()).latex()
    assert r"$\text{for } t = T, \ldots, 1:$" in text
    assert r"\frac{\partial J}{\partial W} &= \sum_{t = 1}^{T} \frac{\partial J}{\partial z_t} h_{t-1}^{\top}" in text
    assert text.count(r"\begin{align}") == text.count(r"\end{align}") == 4


def test_loops_within_loops_have_two_indices():
    (case,) = (case for case in CASES if case.name == "nested")
    assert str(case.program).splitlines()[:6] == [
        "S₀ = h₀",
        "for t = 1, …, T:",
        "  K_{t,0} = Sₜ₋₁",
        "for t = 1, …, T and s = 1, …, d:",
        "  K_{t,s} = tanh(W K_{t,s-1})",
        "for t = 1, …, T:",
    ]


def test_a_loop_from_the_last_step_to_the_first_and_a_sum():
    printed = {case.name: str(case.program) for case in CASES}
    assert printed["backwards"].splitlines()[1:3] == ["for t = T, …, 1:", "  Vₜ₋₁ = rₜ + g tanh(Vₜ)"]
    assert "s = ∑_{t = 1..T} ‖W xₜ₊₁ - H_{s,t}‖²" in printed["cell"]


def test_what_two_take_is_written_once_and_equal_to_the_other():
    x, c, u, a = var("x", T, H), var("c", H), var("u", H), var("a", H)
    loop = looped(step([c, u], {a: tanh(c + u)}, [a, a, a]), [var("h0", H)], [Feed(x)], [], "h", "y z")
    program = Program("copies", (x, var("h0", H)), (loop,), loop.stacks)
    assert str(program).splitlines() == ["for t = 1, …, T:", "  hₜ = tanh(hₜ₋₁ + xₜ)", "  yₜ = hₜ", "  zₜ = hₜ"]


def test_a_name_gives_way_to_the_row_that_looks_like_it():
    """h_0 is the first state: where it is not the input h0, the input has another sign."""
    x, c, u, a, h0, last = var("x", T, H), var("c", H), var("u", H), var("a", H), var("h0", H), var("h_T", H)
    loop = looped(step([c, u], {a: tanh(c + u)}, [a]), [h0 * last], [Feed(x)], [], "h")
    J = var("J")
    lines = str(Program("apart", (x, h0, last), (loop, Equation(J, total(row(loop.states[0], T) * last))), (J,))).splitlines()
    assert lines[0] == "h₀ = h0 ⊙ 𝐡_T" and lines[-1].endswith("(h_T ⊙ 𝐡_T)")
