"""The page on many devices shows what the commands on it print."""

import re
import shlex
from pathlib import Path

import pytest

from symgrad.cli import main

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "devices.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_has_its_commands():
    assert len(SHOWN) == 5


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command.split(" --")[-1][:30] for command, _ in SHOWN])
def test_a_command_prints_what_the_page_shows(monkeypatch, capsys, command, output):
    monkeypatch.chdir(TOP)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == output
