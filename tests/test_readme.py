"""The README says what is so: its blocks run, and it names every key, setting, command, option and route."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from experiments.definition.definition import Analysis, Guardrail, Step, Variant
from experiments.definition.experiment import Experiment
from experiments.reporting.report import report
from experiments.site.site import Settings
from experiments.store.memory import MemoryStore
from webapp.cli import main
from webapp.server.app import create_app

README = Path(__file__).parents[1].joinpath("README.md").read_text()

# what curl does in the README, for machines without it
CURL = """\
import base64, sys, urllib.request
arguments, headers, data, url = sys.argv[1:], {}, None, ""
while arguments:
    match arguments.pop(0):
        case "-s": pass
        case "-H": name, value = arguments.pop(0).split(": ", 1); headers[name] = value
        case "-d": data = arguments.pop(0).encode()
        case "-u": headers["Authorization"] = "Basic " + base64.b64encode(arguments.pop(0).encode()).decode()
        case address: url = address
print(urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30).read().decode())
"""

WAIT = f"""
for attempt in $(seq 100); do
    {sys.executable} -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8017/livez", timeout=2)' && break
    sleep 0.2
done 2>/dev/null
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _run(script: str, folder: Path) -> str:
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    if not shutil.which("curl"):
        (commands / "curl").write_text(f"#!{sys.executable}\n{CURL}")
        (commands / "curl").chmod(0o755)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", f"trap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_road_from_config_to_verdict(tmp_path: Path, port: int) -> None:
    shell = "".join(re.sub(r"&$", "&" + WAIT, block, flags=re.MULTILINE) for block in blocks("sh"))
    (tmp_path / "client.py").write_text("\n".join(blocks("python")) + "\nprint('assigned', variant)\n")
    client = f'sed -i.bak "s/the write key/$WRITE_KEY/" client.py\n{sys.executable} client.py\n'
    (tmp_path / "client.py").write_text(_at(port, (tmp_path / "client.py").read_text()))
    output = _run(_at(port, shell + client + "yesladder verify my-site\n"), tmp_path)
    for said in (
        "All is well.",
        '"in_experiment":true',
        '"accepted":1',
        "45,739 stored",
        "3,785/17,293",
        "1,945/17,260",
        "Worse",
        "No verdict",
        "assigned ",
        "All counts agree with the log of 45,7",
    ):
        assert said in output


def _at(port: int, text: str) -> str:
    return text.replace("8017", str(port))


def test_the_experiment_shown_is_one(tmp_path: Path) -> None:
    experiment = blocks("yaml")[0]
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "shown.yaml").write_text(experiment)
    (tmp_path / "yesladder.yaml").write_text("write_key: abc\n")
    assert "All is well" in _run("yesladder check .", tmp_path)


def test_the_results_document_shown_is_the_one_answered() -> None:
    shown = json.loads(blocks("json")[0])
    phase = Experiment.model_validate(YAML(typ="safe").load(blocks("yaml")[0]) | {"started_at": "2026-11-01T00:00:00Z"})
    store, as_of = MemoryStore(lambda: [phase]), datetime(2026, 11, 22, tzinfo=UTC)
    answered = report(phase, store.reach(phase), store.patterns(phase), {}, as_of).to_json()
    assert _shape(shown) == _shape(json.loads(json.dumps(answered)))


def _shape(document: dict[str, Any]) -> list[list[str]]:
    step = document["steps"][0]
    split, value, learned = document["decomposition"][0], document["value"], document["learned_values"][0]
    parts = (
        *(document, document["sample_ratio"], step, step["variants"]["single"], step["comparisons"][0]),
        *(split, split["steps"][0], value, value["variants"]["single"], value["comparisons"][0]),
        *(learned, learned["pooled"], learned["variants"]["single"]),
        *(document["ladder"][0], document["ladder"][0]["variants"]["single"]),
    )
    return [list(part) for part in parts]


NAMED = [
    *((f"`{name}`", "key") for model in (Experiment, Analysis) for name in model.model_fields),
    *((f"`{name}`", "setting") for name in Settings.model_fields),
    *((name, "part") for model in (Variant, Step, Guardrail) for name in model.model_fields),
    *((f"`yesladder {command}", "command") for command in main.commands),
]


@pytest.mark.parametrize(("name", "kind"), NAMED, ids=[f"{kind} {name}" for name, kind in NAMED])
def test_everything_has_its_row(name: str, kind: str) -> None:
    assert name in README, f"the {kind} {name} is not in the README"


def test_every_option_of_serve_and_results_is_named() -> None:
    for command in (
        "serve",
        "results",
        "simulate",
        "token",
        "plan",
        "calibrate",
        "why",
        "visitor",
        "ledger",
        "export",
        "backup",
        "forget",
        "expire",
    ):
        for option in main.commands[command].params:
            if isinstance(option, click.Option) and option.opts[0] not in {"--note", "--revoke"}:
                assert f"`{option.opts[0]}" in README, f"{option.opts[0]} of {command}"


def test_every_route_is_named(tmp_path: Path) -> None:
    (tmp_path / "yesladder.yaml").write_text("write_key: abc\n")
    (tmp_path / "experiments").mkdir()
    for rule in create_app(tmp_path).url_map.iter_rules():
        calls = re.findall(r"any\((.*?)\)", rule.rule)
        for call in calls[0].split(",") if calls else ():
            assert re.search(rf"`(/v1/)?{call}`|/v1/{call}`", README), call
        fixed = re.sub(r"<.*?>.*", "", re.sub(r"<any.*", "", rule.rule))
        assert fixed in README, rule.rule
