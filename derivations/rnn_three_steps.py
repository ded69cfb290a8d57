"""Backpropagation through time, T = 3 steps: Dive into Deep Learning, section 9.7.2.

Identity activation, loss l left open, as the book has it.  The gradients of the shared weights add over the steps.
"""

import symgrad as sg


@sg.forward
def rnn_three_steps(x1: "d", x2: "d", x3: "d", h0: "h", Whx: "h d", Whh: "h h", Wqh: "q h", y1: "q", y2: "q", y3: "q", l: "| loss"):
    h1 = Whx @ x1 + Whh @ h0  # hidden state, t = 1
    o1 = Wqh @ h1  # output, t = 1
    h2 = Whx @ x2 + Whh @ h1  # hidden state, t = 2
    o2 = Wqh @ h2  # output, t = 2
    h3 = Whx @ x3 + Whh @ h2  # hidden state, t = 3
    o3 = Wqh @ h3  # output, t = 3
    L = (l(o1, y1) + l(o2, y2) + l(o3, y3)) / 3  # loss over the T steps
    return L


WRT = ("Whx", "Whh", "Wqh")
