"""Texts: what en.toml says, read once, for the other files of this room."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXTS: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("en.toml").read_text("utf-8"))
