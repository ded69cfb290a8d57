"""Print a hash of every form that three derivations take; run in processes of their own, the lines must be the same."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

import symgrad as sg
from symgrad.printing.composition import content
from symgrad.printing.dot import dot_source, extended_source
from symgrad.printing.notebooks import markdown_page, notebook
from symgrad.printing.picture import pictured
from symgrad.printing.typesetting import tex
from symgrad.printing.webpage import page

MODELS = {
    "mlp": (
        'def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):\n    h = tanh(W1 @ x)\n    o = W2 @ h\n'
        "    J = sum((o - y)**2) / 2 + lam * (sum(W1**2) + sum(W2**2))\n    return J"
    ),
    "gauss": 'def gauss(x: "n", S: "n n | spd", m: "n"):\n    r = x - m\n    return r @ inv(S) @ r / 2 + log(det(S)) / 2',
    "soft": (
        'def soft(X: "n d", W: "d k", Y: "n k | onehot"):\n    P = log_softmax(X @ W, axis=1)\n    return -mean(sum(Y * P, axis=1))'
    ),
}


def forms(text: str) -> dict[str, str]:
    """The text of every form."""
    d = sg.forward(text).derive()
    parts = content(d)
    made = {".tex": tex(parts), "latex": d.latex(), ".py": d.numpy(), ".html": page(parts), ".md": markdown_page(parts)}
    return made | {
        ".ipynb": notebook(parts),
        "text": str(d),
        "dot": dot_source(pictured(d, None, "equations", {}, None)),
        "dot2": extended_source(d),
    }


def lines(threads: int = 1) -> list[str]:
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(forms, list(MODELS.values()) * threads)
        return [f"{kind} {hashlib.sha256(text.encode()).hexdigest()}" for one in made for kind, text in one.items()]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for threads in map(int, sys.argv[1:]):
            once = lines()
            assert lines(threads) == once * threads, "threads differ"
    print("\n".join(lines()))
