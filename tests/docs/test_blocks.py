"""What the pages show is so: shell and Python run, in the order of the pages; YAML is what a site's files may say."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from experiments.definition.experiment import Experiment
from experiments.site.site import Settings
from tests.docs.pages import DOCUMENTATION, PAGES, Page, page

# what curl and sqlite3 do on the pages, for machines without them
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
SQLITE3 = """\
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1], uri=True).execute(sys.argv[2]): print(*row, sep="|")
"""

WAIT = f"""
for attempt in $(seq 100); do
    {sys.executable} -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8017/livez", timeout=2)' && break
    sleep 0.2
done 2>/dev/null
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run(script: str, folder: Path) -> str:
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name, program in (("curl", CURL), ("sqlite3", SQLITE3)):
        if not shutil.which(name):
            (commands / name).write_text(f"#!{sys.executable}\n{program}")
            (commands / name).chmod(0o755)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", f"trap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _road(folder: Path) -> str:
    """Every shell and Python block of the documentation, one after another on one site."""
    road = []
    for one in DOCUMENTATION:
        road += [re.sub(r"&$", "&" + WAIT, block, flags=re.MULTILINE) for block in one.blocks_of("sh")]
        if client := one.blocks_of("python"):
            (folder / "client.py").write_text("\n".join(client) + "\nprint('assigned', variant)\n")
            road.append('sed -i.bak "s/the write key/$WRITE_KEY/" client.py\n')
            road.append(f"{sys.executable} client.py\n")
    return "".join(road)


@pytest.mark.slow
def test_the_road_from_config_to_verdict_and_on(tmp_path: Path, port: int) -> None:
    script = _road(tmp_path) + "yesladder verify my-site\n"
    client = tmp_path / "client.py"
    client.write_text(client.read_text().replace("8017", str(port)))
    output = run(script.replace("8017", str(port)), tmp_path)
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
        "visitors",  # plan and calibrate
        "enrolment|control|17293|3785",  # the view that the page of the database reads
    ):
        assert said in output
    assert (tmp_path / "my-site-2026-11-22" / "yesladder.db").exists()
    assert "reach,free-trial-screener,1,payment," in (tmp_path / "counts.csv").read_text()


YAML_BLOCKS = [
    pytest.param(block, id=f"{one.name}-{number}")
    for one in PAGES
    for number, block in enumerate(one.blocks_of("yaml"))
]
WHOLE = {
    "key": "any",
    "name": "Any",
    "status": "running",
    "variants": [{"key": "single", "weight": 50}, {"key": "multi-step", "weight": 50}],
    "path": [{"step": "job-booked", "event": "job_booked"}],
    "window": "7 days",
}


@pytest.mark.parametrize("block", YAML_BLOCKS)
def test_yaml_shown_is_what_a_file_may_say(block: str, tmp_path: Path) -> None:
    """An experiment as it stands, or some keys of one, or some settings."""
    said = YAML(typ="safe").load(block)
    if set(said) <= set(Settings.model_fields):
        Settings.model_validate({"write_key": "abc", **said})
    elif "key" in said:
        (tmp_path / "experiments").mkdir()
        (tmp_path / "experiments" / "shown.yaml").write_text(block)
        (tmp_path / "yesladder.yaml").write_text("write_key: abc\n")
        assert "All is well" in run("yesladder check .", tmp_path)
    else:
        Experiment.model_validate(WHOLE | said)


def test_what_pages_are_told_to_write_is_what_the_snippet_knows() -> None:
    """Attributes in HTML, and calls in scripts and in the text."""
    known = page("docs/reference/snippet.md").text
    html = "".join(block for one in PAGES for block in one.blocks_of("html"))
    text = "".join(one.text for one in PAGES)
    attributes = set(re.findall(r"\bdata-(?!testid)[a-z-]+(?==)", html))
    calls = set(re.findall(r"yesladder\.push\(\[\"(\w+)\"|`yesladder\.(\w+)\(", text))
    assert len(attributes) >= 3
    assert len(calls) >= 3
    for attribute in attributes:
        assert f"`{attribute}" in known
    for pushed, called in calls:
        assert f"| `{pushed or called}` |" in known


RUN_OR_READ = {"sh", "python", "yaml", "json"}
SHOWN = {"text", "html", "js", "{toctree}", "{include}"}


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_a_block_says_what_it_is(one: Page) -> None:
    """So that none escapes these tests by a language of its own."""
    assert {language for language, _ in one.blocks} <= RUN_OR_READ | SHOWN
