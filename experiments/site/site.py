"""Site: one folder with settings, experiments, the record of phases and the database."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema

from experiments.definition.fields import Attributes, Frozen, level
from experiments.definition.money import CURRENCIES
from experiments.definition.problem import Problem, SiteError, nearest, unlike
from experiments.definition.quantity import read_duration
from experiments.site.config_file import read_config
from experiments.site.validation import validated

SETTINGS_FILE = "yesladder.yaml"

_WRITE_KEY = re.compile(r"[A-Za-z0-9_-]{3,128}")


def _write_key(value: object) -> str:
    if isinstance(value, str) and _WRITE_KEY.fullmatch(value):
        return value
    remedy = "write 3 to 128 letters, digits, _ or -"
    if isinstance(value, int | float | bool):
        remedy = f'put it in quotes if it is meant: "{value}"'
    raise unlike(value, "not a write key", remedy)


def _origin(value: object) -> str:
    remedy = "write scheme and host, such as https://www.example.com"
    if not isinstance(value, str):
        raise unlike(value, "not an origin", remedy)
    if value == "*":
        return value
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    if value != origin or parts.scheme not in ("http", "https"):
        mended = host is not None and parts.scheme in ("http", "https") and re.fullmatch(r"[a-z0-9.-]+", host)
        raise unlike(value, "not an origin", f"write {origin}" if mended else remedy)
    return value


def _currency(value: object) -> str:
    if isinstance(value, str) and value in CURRENCIES:
        return value
    meant = value.upper() if isinstance(value, str) and value.upper() in CURRENCIES else None
    remedy = f"write {meant}" if meant else "write its three letters, such as USD or EUR"
    raise unlike(value, "not a currency of ISO 4217", remedy)


def _time_zone(value: object) -> str:
    known = zoneinfo.available_timezones() | {"UTC"}  # a machine without the database knows UTC all the same
    if isinstance(value, str) and value in known:
        return value
    meant = nearest(value, known, cutoff=0.8) if isinstance(value, str) else None
    remedy = f"did you mean {meant}?" if meant else "write a place of the time zone database, such as Europe/Berlin"
    raise unlike(value, "not a time zone", remedy)


def _retention(value: object) -> timedelta | None:
    return None if value in ("forever", None) else read_duration(value)


class Staff(Frozen):
    """Whose events are stored but not counted: visitors with one of these ids, or one of these attribute levels."""

    ids: tuple[str, ...] = Field(default=(), strict=False)
    attributes: dict[str, str | bool] = Field(default_factory=dict)

    def includes(self, visitor: str, attributes: Attributes) -> bool:
        """Is this visitor one of us?"""
        if visitor in self.ids:
            return True
        return any(
            name in attributes and level(attributes[name]) == level(one) for name, one in self.attributes.items()
        )


class Settings(Frozen):
    """What yesladder.yaml says. Read once, when the site is opened."""

    write_key: Annotated[
        str, BeforeValidator(_write_key), WithJsonSchema({"type": "string", "pattern": f"^{_WRITE_KEY.pattern}$"})
    ]
    """The name under which pages and servers send events. Public: it may write, never read."""
    allowed_origins: tuple[
        Annotated[
            str, BeforeValidator(_origin), WithJsonSchema({"type": "string", "examples": ["https://example.com"]})
        ],
        ...,
    ] = Field(default=(), strict=False)
    """Origins whose pages may ask from a browser; "*" is any."""
    currency: Annotated[
        str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES)})
    ] = "USD"
    time_zone: Annotated[str, BeforeValidator(_time_zone), WithJsonSchema({"type": "string"})] = "UTC"
    """In which times are shown. Cohorts are always UTC."""
    durability: Literal["full", "normal"] = "full"
    """full: what was answered with 2xx survives a power cut. normal: it survives a crash of the process."""
    retention: Annotated[
        timedelta | None, BeforeValidator(_retention), WithJsonSchema({"type": "string", "examples": ["400 days"]})
    ] = None
    """How long raw events are kept that no count depends on any more; None is forever. `yesladder expire` deletes."""
    staff: Staff = Staff()


def read_settings(site_path: Path) -> tuple[Settings | None, tuple[Problem, ...]]:
    """The settings, or None, and everything wrong with the file."""
    path = site_path / SETTINGS_FILE
    if not path.is_file():
        remedy = 'make a site with "yesladder init", or a file with the line write_key'
        return None, (Problem(SETTINGS_FILE, 1, 1, "this file is missing, so the folder is not a site", remedy),)
    return validated(Settings, read_config(path, SETTINGS_FILE))


@dataclass(frozen=True, slots=True)
class Site:
    """One site: its folder and its settings."""

    path: Path
    settings: Settings

    @classmethod
    def open(cls, path: Path) -> Site:
        """The site in this folder. Raises SiteError when its settings cannot be used."""
        settings, problems = read_settings(path)
        if settings is None:
            raise SiteError(problems)
        return cls(path, settings)

    @property
    def database(self) -> Path:
        """The event log."""
        return self.path / "yesladder.db"

    @property
    def phases_path(self) -> Path:
        """The record of every phase."""
        return self.path / "phases.json"
