"""A site of an earlier version opens, shows the same numbers, and everything that is recounted agrees.

`version-*/make.py` says how the site and the answers that its version gave were made.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from webapp.cli import main
from webapp.server.app import create_app

VERSION = Path(__file__).parent / "version-0.1"
FIRST, *LINES = (json.loads(line) for line in (VERSION / "answers.jsonl").read_text("utf-8").splitlines())
ANSWERS = [(line["asked"], line["answer"]) for line in LINES]
NOW = datetime(2026, 1, 29, 12, tzinfo=UTC)


def opened(folder: Path) -> Path:
    with tarfile.open(VERSION / "site.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opened(tmp_path_factory.mktemp("old") / "site")


def asked(site: Path, question: Sequence[str]) -> Any:
    command, *rest = question
    result = CliRunner().invoke(main, [command, str(site), *rest])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in rest else result.stdout


def different(was: Any, now: Any, place: str = "") -> Iterator[str]:
    """Where two documents differ by more than the last digits of a number."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in was.keys() | now.keys():
            yield from different(was.get(key, "nothing"), now.get(key, "nothing"), f"{place}/{key}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, pair in enumerate(zip(was, now, strict=True)):
            yield from different(*pair, f"{place}/{index}")
    elif was != (pytest.approx(now, rel=1e-9) if isinstance(now, float) else now):
        yield f"{place}: {was} then, {now} now"


@pytest.mark.parametrize(("question", "answer"), ANSWERS, ids=[" ".join(question) for question, _ in ANSWERS])
def test_what_the_command_line_said_it_says(site: Path, question: Sequence[str], answer: Any) -> None:
    assert not list(different(answer, asked(site, question)))


def test_it_is_served_with_its_tokens_and_goes_on_counting(tmp_path: Path) -> None:
    site = opened(tmp_path / "site")
    app = create_app(site, clock=lambda: NOW)
    client, headers = app.test_client(), {"Authorization": f"Bearer {FIRST['secret']}"}
    (was,) = [answer for question, answer in ANSWERS if question[:3] == ["results", "popup", "--phase"]][:1]
    found = client.get("/results/popup.json?as_of=2026-01-29T12:00:00Z", headers=headers, base_url="https://localhost")
    assert found.status_code == 200
    assert not list(different(was, found.get_json()))
    told = {"writeKey": "wk_version_0_1", "type": "track", "anonymousId": "new", "event": "popup_seen"}
    assert client.post("/v1/track", json=told, base_url="https://localhost").status_code == 200
    app.extensions["yesladder"].close()
    assert "All counts agree with the log of 1,142 events" in asked(site, ["verify"])
