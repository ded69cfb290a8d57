"""Partitions run by JAX on eight virtual devices: gradients against one device, bytes and memory against XLA."""

import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import symgrad as sg
from symgrad.command.cli import main
from symgrad.partition.trial import _compared

TOP = Path(__file__).parents[2]
PLANS = ("data", "tensor", "hybrid", "parameters", "named value", "attention", "rnn", "logistic")


@pytest.fixture(scope="module")
def found():
    """What the worker found, once for all tests."""
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    command = [sys.executable, str(TOP / "tests" / "support" / "mesh_worker.py")]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def holds(rows, *engines):
    """Everything agrees, every engine gave a value and a gradient, and some bytes were compared."""
    assert all(ok for *_, ok in rows), rows
    assert {engine for _, engine, *_ in rows} == set(engines)
    assert any(quantity.startswith("bytes") for quantity, *_ in rows)


@pytest.mark.parametrize("name", PLANS)
def test_both_modules_give_the_gradient_of_one_device(found, name):
    holds(found["plans"][name]["rows"], "shard_map", "named_sharding")


def test_every_plan_was_run(found):
    assert set(found["plans"]) == set(PLANS)


@pytest.mark.parametrize("name", ("two stages", "three stages"))
def test_pipelines_give_the_gradient_of_one_device(found, name):
    holds(found["pipelines"][name]["rows"], "pipeline")


@pytest.mark.parametrize("seed", range(3))
def test_random_plans(found, seed):
    holds(found["random"][seed]["rows"], "shard_map", "named_sharding")


def test_what_xla_puts_in_itself(found):
    """The arrays that are predicted, and a scalar for each sum: the value's, and those of |W1|^2 and |W2|^2."""
    n, d, h, q = 16, 6, 8, 5
    assert found["plans"]["data"]["xla"] == {"all-reduce": 8 * (d * h + h * q + h + q) + 8}
    assert found["plans"]["tensor"]["xla"] == {"all-reduce": 8 * n * q + 2 * 8}
    assert found["plans"]["hybrid"]["xla"] == {"all-reduce": 8 * (d * h // 2 + h * q // 2 + h // 2 + q + n // 4 * q) + 3 * 8}


def test_memory_of_a_device_in_xla(found):
    """Arguments are parameters and inputs, results the gradients, the value and a table of pointers."""
    p = sg.forward(TOP / "derivations" / "mlp_batch.py").derive("W1", "b1", "W2", "b2")
    p = p.partition({"data": 4, "model": 2}, {"n": "data", "h": "model"}, {"n": 16, "d": 6, "h": 8, "q": 5})
    assert found["plans"]["hybrid"]["arguments"] == p.at(p.memory["parameters"] + p.memory["inputs"])
    assert found["plans"]["hybrid"]["results"] - p.at(p.memory["gradients"]) - 8 in range(0, 49)


def test_a_missing_collective_is_found(found):
    failed = {quantity for quantity, _, _, ok in found["broken"]["gradient"] if not ok}
    assert {"value", "gradient W1", "bytes of all-reduce"} <= failed


def test_a_wrong_prediction_is_found(found):
    assert [quantity for quantity, _, _, ok in found["broken"]["bytes"] if not ok] == ["bytes of all-reduce"]


@pytest.mark.parametrize("wrong", [0.0, 4e-10, -1e-10])
def test_a_wrong_small_gradient_is_found(wrong):
    """Beside a value of size 1; what rounding makes of terms that cancel is none."""
    p = SimpleNamespace(wrt=["w"])
    rows = _compared("e", p, lambda at: [1.0, wrong * at["w"]], lambda at: [1.0, 1e-10 * at["w"]], {"w": np.ones(3)}, 1e-9)
    assert [(row.quantity, row.ok) for row in rows] == [("value", True), ("gradient w", False)]
    cancelling = lambda at: [1.0, (at["w"] + 0.3) - at["w"] - 0.3]  # noqa: E731
    rows = _compared("e", p, cancelling, lambda at: [1.0, at["w"] * 0], {"w": np.array([0.7, 1.9, 3.1])}, 1e-9)
    assert all(row.ok for row in rows)


def test_one_command_answers_for_the_network_with_biases():
    """Split, run on virtual devices, and held against one device and the HLO."""
    command = [sys.executable, "-m", "symgrad", "partition", "derivations/d2l_mlp_bias.py", "--wrt", "W1", "b1", "W2", "b2"]
    command += ["--mesh", "model=4", "--plan", "h=model", "--sizes", "d=6,h=8,q=5", "--verify"]
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "11 checks, each within its tolerance" in done.stdout and "all-reduce_{model}(W₂ h)" in done.stdout


def test_more_devices_than_there_are():
    p = sg.forward(TOP / "derivations" / "logistic.py").derive("w").partition({"data": 512}, {"N": "data"}, {"N": 1024, "M": 3})
    with pytest.raises(sg.InputError, match=r"512 devices and jax sees \d+; .*xla_force_host_platform_device_count=512"):
        p.verify()
    module = {}
    exec(p.shard_map(), module)
    with pytest.raises(ValueError, match="needs 512 devices"):
        module["make_mesh"]()


def _free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def test_two_processes_share_a_mesh(tmp_path):
    """The example of the page: both print the value of one device."""
    words = ["--mesh", "data=2,model=2", "--plan", "n=data", "h=model", "-o", str(tmp_path)]
    assert main(["partition", str(TOP / "derivations" / "mlp_batch.py"), "--wrt", "W1", "b1", "W2", "b2", *words]) == 0
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    example = [sys.executable, str(TOP / "docs" / "two_processes.py"), str(tmp_path / "mlp_batch_shard_map.py")]
    words = [*example, f"localhost:{_free_port()}", "2"]
    started = [subprocess.Popen([*words, str(i)], env=environment, stdout=subprocess.PIPE, encoding="utf-8") for i in range(2)]
    printed = [process.communicate(timeout=300)[0] for process in started]
    inputs = runpy.run_path(str(TOP / "docs" / "two_processes.py"))["inputs"]
    value = sg.forward(TOP / "derivations" / "mlp_batch.py").derive().compile().value(**inputs(n=16, d=6, h=8, q=5))
    for i, text in enumerate(printed):
        assert f"process {i} of 2: 2 of 4 devices" in text
        np.testing.assert_allclose(float(text.split("value ")[1].split()[0]), value, rtol=1e-12)
