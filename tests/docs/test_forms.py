"""Forms and settings for whoever contributes: they can be read, and name tools and files that there are."""

from __future__ import annotations

import json
import re

import pytest
from ruamel.yaml import YAML

from tests.docs.pages import ROOT

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_can_be_filled_in(form: object) -> None:
    said = YAML(typ="safe").load(form)
    assert {"name", "description", "body"} <= set(said)
    ids = [part["id"] for part in said["body"]]
    assert len(set(ids)) == len(ids)
    assert all(part["attributes"]["label"] for part in said["body"])
    assert any(part.get("validations", {}).get("required") for part in said["body"])


def test_a_number_and_a_fault_ask_for_what_tells_most() -> None:
    number, fault = (form.read_text("utf-8") for form in FORMS[:2])
    assert "yesladder why SITE EXPERIMENT --from EARLIER --json" in number
    assert "/readyz" in fault
    assert "log" in fault


def test_the_hooks_call_what_make_lint_calls() -> None:
    hooks = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    entries = [hook["entry"] for hook in hooks]
    assert all(hook["language"] == "system" for hook in hooks)  # of .venv, so of the lock file: nothing is downloaded
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert lint
    for line in lint[1].replace("$(BIN)", ".venv/bin").split("\n\t"):
        assert any(entry.startswith(line.strip().removesuffix(" .")) for entry in entries), line
    for entry in entries:
        for tool in re.findall(r"\.venv/bin/[\w-]+|docs/\w+\.py", entry):
            assert (ROOT / tool).exists(), tool


def test_the_container_has_what_the_tests_need() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    image = (ROOT / ".devcontainer" / container["build"]["dockerfile"]).read_text("utf-8")
    needed = re.search(r"^ +chromium .*$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert needed
    assert all(f" {package} " in image for package in needed[0].replace(">/dev/null", "").split())
    assert image.splitlines()[1].startswith("FROM python:3.11")
