"""The demo's page shows exactly the pictures that `make screenshots` takes, and they are there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = runpy.run_path(str(ROOT / "docs" / "screenshots.py"))
ON_THE_PAGE = re.findall(
    r"!\[([^\]]*)\]\(\.\./pictures/([^)]*)\)", (ROOT / "docs" / "start" / "demo.md").read_text("utf-8")
)
IN_README = re.findall(r"!\[([^\]]*)\]\(docs/pictures/([^)]*)\)", (ROOT / "README.md").read_text("utf-8"))


def test_the_pages_show_the_pictures_that_are_taken() -> None:
    taken = [(one.shows, one.name) for one in SHOTS["PICTURES"]]
    assert taken == ON_THE_PAGE
    assert len(IN_README) == 1
    assert set(IN_README) <= set(taken)


def test_no_other_picture_is_kept() -> None:
    assert sorted(path.name for path in SHOTS["FOLDER"].iterdir()) == sorted(one.name for one in SHOTS["PICTURES"])


@pytest.mark.parametrize("picture", SHOTS["PICTURES"], ids=lambda one: one.name)
def test_a_picture_is_there_and_not_too_big(picture: Any) -> None:
    image = (SHOTS["FOLDER"] / picture.name).read_bytes()
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    size = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    assert size == (SHOTS["WIDTH"], SHOTS["HEIGHT"])
    assert len(image) <= SHOTS["MOST_BYTES"]
