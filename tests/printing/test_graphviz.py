"""Pictures: the graph of every derivation is valid SVG without links, and shows the numbers that its source prints."""

import re
import runpy
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import symgrad as sg
from symgrad.errors import InputError
from symgrad.printing import graphviz, picture
from symgrad.printing.dot import dot_source
from symgrad.printing.picture import Gate

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
WITH_POINT = [p for p in FILES if "POINT = " in p.read_text(encoding="utf-8")]

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed (Debian: graphviz)")


def derive(stem):
    path = next(p for p in FILES if p.stem == stem)
    names = runpy.run_path(str(path))
    return sg.forward(path).derive(*names["WRT"]), names


def words(path):
    """The texts of a picture, once it is seen to be XML that links to nothing."""
    root = ElementTree.fromstring(path.read_bytes())
    assert not [a for e in root.iter() for a in e.attrib if a.endswith("href")]
    assert not [e for e in root.iter() if e.tag.endswith(("}a", "}image", "}script"))]
    return [e.text for e in root.iter() if e.tag.endswith("}text")]


@needs_dot
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_derivation_has_its_picture(path, tmp_path):
    assert words(derive(path.stem)[0].save(tmp_path / "saved.svg"))


@needs_dot
@pytest.mark.parametrize("options", [{"detail": "operations"}, {"second": True}])
def test_other_pictures(options, tmp_path):
    derivation, _ = derive("d2l_generic")
    assert words(derivation.save(tmp_path / "saved.svg", **options))
    assert derivation.save(tmp_path / "saved.png", **options).read_bytes().startswith(b"\x89PNG")


def numbers(entries, digits):
    if isinstance(entries, list):
        return [f for e in entries for f in numbers(e, digits)]
    return [f"{entries:.{digits}f}" if digits else f"{entries:.3f}".rstrip("0").rstrip(".")]


@needs_dot
@pytest.mark.parametrize("path", WITH_POINT, ids=lambda p: p.stem)
def test_the_numbers_of_the_source_stand_on_the_wires(path, tmp_path):
    derivation, names = derive(path.stem)
    digits = names.get("DIGITS")
    shown = " ".join(words(derivation.save(tmp_path / "saved.svg", point=names["POINT"], digits=digits)))
    wanted = [n for e in (*names["VALUES"].values(), *names["ADJOINTS"].values()) for n in numbers(e, digits)]
    assert [n for n in wanted if n not in re.findall(r"-?\d+(?:\.\d+)?", shown)] == []


def test_gates_have_the_signs_of_textbooks():
    derivation, _ = derive("cs231n_neuron")
    labels = [gate.label for gate in picture._gates(derivation.program, derivation.show())]
    assert labels == ["×", "×", "+", "+", "-·", "exp", "+ 1", "1/·"]


def test_a_group_is_one_gate():
    """The last four gates of the neuron are one sigma, which reads s and writes f."""
    derivation, _ = derive("cs231n_neuron")
    gates = list(picture._grouped(picture._gates(derivation.program, derivation.show()), {"sigma": ["m", "e", "p", "f"]}))
    assert [g.label for g in gates] == ["×", "×", "+", "+", "sigma"]
    assert (str(gates[-1].reads[0]), str(gates[-1].writes[0])) == ("s", "f")


def test_a_group_of_an_unknown_equation_is_named(tmp_path):
    with pytest.raises(InputError, match="'nothing'"):
        derive("cs231n_neuron")[0].save(tmp_path / "saved.svg", groups={"g": ["nothing"]})


def chain(depth):
    body = "".join(f"    h{i + 1} = tanh(h{i})\n" for i in range(depth))
    return sg.forward(f'def f(h0: "n"):\n{body}    return sum(h{depth})\n').derive("h0")


@needs_dot
@pytest.mark.parametrize(("depth", "columns"), [(10, 1), (30, 5)])
def test_a_long_chain_runs_down_in_columns(depth, columns, tmp_path):
    """Sixty nodes stand in a picture that is neither a line nor a ribbon."""
    svg = chain(depth).save(tmp_path / "saved.svg").read_text(encoding="utf-8")
    width, height = map(float, re.search(r'width="(\d+)pt" height="(\d+)pt"', svg).groups())
    across = {
        round(float(x)) for x in re.findall(r'<g id="node\d+" class="node">.*?<text.*? x="(-?[\d.]+)"[^>]*>tanh', svg, re.DOTALL)
    }
    assert len(across) == (columns if columns > 1 else depth)
    assert columns == 1 or 1 / 3 < width / height < 3


def test_labels_are_escaped():
    derivation, _ = derive("cs231n_circuit")
    hostile = '<IMG SRC="/etc/passwd"/> "> ]; evil [URL="http://x"'
    x, y, _ = derivation.program.inputs
    source = dot_source(picture.Picture((x,), (), (Gate(hostile, (x,), (y,)),), {}, derivation.show()))
    assert "<IMG" not in source and 'URL="' not in source and "&lt;IMG" in source


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_missing_graphviz_is_said_in_one_line(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(graphviz.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="Graphviz") as error:
        derive("cs231n_circuit")[0].save(tmp_path / f"saved{suffix}")
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_a_point_must_be_whole(tmp_path):
    with pytest.raises(InputError, match="no value for y, z"):
        derive("cs231n_circuit")[0].save(tmp_path / "saved.svg", point={"x": 1.0})


def test_unknown_detail(tmp_path):
    with pytest.raises(InputError, match="'all'"):
        derive("cs231n_circuit")[0].save(tmp_path / "saved.svg", detail="all")
