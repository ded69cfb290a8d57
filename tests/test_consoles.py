"""The pages on cost, devices and minibatches show what the commands on them print."""

import re
import shlex
from pathlib import Path

import pytest

from symgrad.command.cli import main

TOP = Path(__file__).parents[1]
COMMANDS = {"cost.md": 1, "devices.md": 4, "minibatches.md": 2}
SHOWN = [
    (page, *found)
    for page in COMMANDS
    for found in re.findall(
        r"^```console\n\$ (.*?)\n(.*?)^```", (TOP / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
]


def test_the_pages_have_their_commands():
    assert {page: sum(p == page for p, _, _ in SHOWN) for page in COMMANDS} == COMMANDS


@pytest.mark.parametrize(("page", "command", "output"), SHOWN, ids=[f"{p} {c.split(' --')[-1][:30]}" for p, c, _ in SHOWN])
def test_a_command_prints_what_the_page_shows(monkeypatch, capsys, page, command, output):
    monkeypatch.chdir(TOP)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == output
