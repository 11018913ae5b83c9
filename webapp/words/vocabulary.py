"""Vocabulary: the short words for states, kinds of steps and reasons, and what numbers mean; their texts: en.toml."""

from collections.abc import Mapping
from typing import Any

from webapp.words.sentences import spoken
from webapp.words.texts import TEXTS

Terms = Mapping[str, str]
"""Label of a number -> what it means, in the order in which they are met on the page."""

_WORDS: Mapping[str, Any] = TEXTS["words"]
_SHARED: Terms = TEXTS["glossary"]["shared"]

STATES: Mapping[str, str] = _WORDS["states"]
SIGNS: Mapping[str, str] = _WORDS["signs"]
"""A shape beside the word of a state, so that nobody needs its colour."""

HEALTH: Mapping[str, str] = _WORDS["health"]
GROUPS: Mapping[str, str] = _WORDS["groups"]
STATUSES: Mapping[str, str] = _WORDS["statuses"]
KINDS: Mapping[str, str] = _WORDS["kinds"]
HARMS: Mapping[str, str] = _WORDS["harms"]
GRADES: Mapping[int, str] = {int(grade): word for grade, word in _WORDS["grades"].items()}
ATTRIBUTES: Mapping[str, str] = _WORDS["attributes"]
LEVELS: Mapping[tuple[str, str], str] = {
    (name.rpartition(".")[0], name.rpartition(".")[2]): word for name, word in _WORDS["levels"].items()
}
"""(attribute, or "" for any; level) -> how people say it."""
EVENTS: Mapping[str, str] = _WORDS["events"]
"""Kind of an event that is no action -> what it is called."""
TABLES: Mapping[str, str] = _WORDS["tables"]
"""Where an event may count besides the verdict -> how a sentence calls it."""

LEDGER: Mapping[str, tuple[str, str]] = {key: (title, text) for key, (title, text) in _WORDS["ledger"].items()}
REFUSALS: Mapping[str, tuple[str, str]] = {
    **{key: (title, text) for key, (title, text) in _WORDS["refusals"].items()},
    "exposure-lost": LEDGER["exposure-lost"],
}
"""Reason -> a title, and what it means."""

TERMS: Mapping[str, Terms] = {
    section: {label: _SHARED.get(meaning, meaning) for label, meaning in terms.items()}
    for section, terms in TEXTS["glossary"].items()
    if section != "shared"
}
"""Section of a page -> its terms."""


def left_out(code: str) -> tuple[str, str]:
    """A reason in the ledger: a title, and what it means."""
    return LEDGER.get(code, (spoken(code).capitalize(), ""))


def refusal(code: str) -> tuple[str, str]:
    """Why an event was refused: a title, and what it means."""
    return REFUSALS.get(code, (spoken(code), ""))


def shown_state(state: str, final: bool) -> str:
    """The state to show: what is undecided is open for good when no data that could decide will come."""
    return "open" if final and state == "undecided" else state


def reason(code: str) -> str:
    """A report's reason in words; reasons that are sentences already stay as they are."""
    words: str = _WORDS["reasons"].get(code, code)
    return words
