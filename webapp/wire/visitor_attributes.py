"""What is known of a visitor, from what a client says and from its User-Agent: flat names and levels."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from experiments.definition.experiment import Experiment
from experiments.definition.fields import level
from experiments.site.site import Staff
from webapp.wire.json_limits import shown
from webapp.wire.user_agent import device_of

_CONTEXTUAL = frozenset({"device", "source", "language", "returning", "first_seen", "staff"})
# The host stands between // and the first of / ? #; nothing in it here has to be taken away or made lower case.
_PLAIN_URL = re.compile(r"https?://([a-z0-9.-]+)(?=[/?#]|\Z)")
MAX_LEVEL_LENGTH = 100  # longer values are no levels of a segment


class BadAttribute(ValueError):
    """A context that says something impossible of its visitor; the message names place, value and remedy."""


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """How this site reads the attributes of a visitor.

    `named`: those that some experiment asks for by name (segments, adjust_for). `staff`: whom the site calls its own.
    `user_agent`: of the request itself, where a browser made it.
    """

    named: frozenset[str]
    staff: Staff = field(default_factory=Staff)
    user_agent: str | None = None

    def of_event(
        self, ids: Iterable[str], context: Mapping[str, Any], traits: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> dict[str, str]:
        """Of a Segment event of these ids: from its context, then the named ones of its properties and traits."""
        known = self._of_user_agent(context)
        if context:
            _tell_flags(context, known)
            locale = context.get("locale")
            if isinstance(locale, str) and (language := locale.replace("_", "-").split("-")[0].lower()):
                known["language"] = language[:MAX_LEVEL_LENGTH]
            if source := _source(context):
                known["source"] = source[:MAX_LEVEL_LENGTH]
        of_context = context.get("traits")
        wanted = self.named | self.staff.attributes.keys()
        for told in (properties, traits, of_context if isinstance(of_context, dict) else {}):
            if not wanted.isdisjoint(told):
                for name in wanted & told.keys() - known.keys():
                    if (of_visitor := _level(told[name])) is not None:
                        known[name] = of_visitor
        if (self.staff.ids or self.staff.attributes) and any(self.staff.includes(one, known) for one in ids):
            known["staff"] = "true"
        return known

    def of_evaluation(self, context: Mapping[str, Any]) -> dict[str, str | bool]:
        """Of an evaluation context: every flat value it has; device and bot from a User-Agent where it is silent."""
        told = {name: value if isinstance(value, bool) else _level(value) for name, value in context.items()}
        found = self._of_user_agent(context)
        return found | {name: value for name, value in told.items() if value is not None}

    def of_exposure(self, visitor: str, evaluated: Mapping[str, str | bool]) -> dict[str, str]:
        """Of an exposure that an evaluation causes: those of its attributes that results are split by, and staff."""
        kept = (_CONTEXTUAL | self.named) & evaluated.keys()
        known = {name: level(evaluated[name]) for name in kept}
        if self.staff.includes(visitor, evaluated):
            known["staff"] = "true"
        return known

    def _of_user_agent(self, context: Mapping[str, Any]) -> dict[str, str]:
        told = context.get("userAgent")
        user_agent = told if isinstance(told, str) and told else self.user_agent
        if user_agent is None:
            return {}
        found = device_of(user_agent)
        known: dict[str, str] = {"device": found.device} if found.device else {}
        if found.bot:
            known["bot"] = "true"
        return known


class NamedAttributes:
    """Which attributes the definitions in force ask for by name; looked up again when the catalog has others."""

    def __init__(self) -> None:
        self._known: tuple[object, frozenset[str]] = None, frozenset()

    def of(self, definitions: Mapping[str, Experiment]) -> frozenset[str]:
        """Those that these definitions name."""
        known, named = self._known
        if known is not definitions:
            named = named_attributes(definitions.values())
            self._known = definitions, named
        return named


def named_attributes(experiments: Iterable[Experiment]) -> frozenset[str]:
    """Which attributes do these experiments ask for by name?"""
    return frozenset(
        name for experiment in experiments for name in (*experiment.segments, *experiment.analysis.adjust_for)
    )


def first_seen_of(context: Mapping[str, Any]) -> date | None:
    """The day of the visitor's first visit, where the context tells it. Raises BadAttribute when it is no date."""
    value = context.get("first_seen", context.get("firstSeen"))
    if value is None:
        return None
    try:
        seen = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadAttribute(f"first_seen is {shown(value)}, must be a date such as 2026-11-22") from None
    return (seen if seen.tzinfo is None else seen.astimezone(UTC)).date()


def _tell_flags(context: Mapping[str, Any], known: dict[str, str]) -> None:
    """Marks that a client sets itself: bot and staff when true, returning either way, first_seen as an ISO date."""
    if context.get("bot") is True:
        known["bot"] = "true"
    if context.get("staff") is True:
        known["staff"] = "true"
    if isinstance(returning := context.get("returning"), bool):
        known["returning"] = "true" if returning else "false"
    if (seen := first_seen_of(context)) is not None:
        known["first_seen"] = seen.isoformat()


def _source(context: Mapping[str, Any]) -> str | None:
    """Where the visitor came from: the campaign's source, else the host that referred, else `direct`; None untold."""
    campaign, page, referrer = context.get("campaign"), context.get("page"), context.get("referrer")
    if isinstance(campaign, dict) and isinstance(campaign.get("source"), str) and campaign["source"]:
        return str(campaign["source"])
    page = page if isinstance(page, dict) else {}
    came_from = referrer.get("url") if isinstance(referrer, dict) else page.get("referrer")
    if not isinstance(came_from, str):
        return None
    host, own = _host(came_from), _host(page.get("url"))
    return host if host and host != own else "direct"


def _host(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    if plain := _PLAIN_URL.match(url):
        return plain[1]
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _level(value: object) -> str | None:
    """A flat value as the level of a segment; None for what is none."""
    return level(value)[:MAX_LEVEL_LENGTH] if isinstance(value, str | int | float) else None
