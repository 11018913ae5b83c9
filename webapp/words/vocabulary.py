"""Vocabulary: the short words for states, kinds of steps and reasons; sentences are in wording.py. For translation."""

from __future__ import annotations

from collections.abc import Mapping

STATES: Mapping[str, str] = {
    "draft": "Draft",
    "collecting": "Collecting",
    "undecided": "No verdict yet",
    "open": "No verdict",
    "better": "Better",
    "worse": "Worse",
    "equivalent": "No difference",
    "withdrawn": "Withdrawn",
    "safe": "Safe",
    "harmed": "Harmed",
}
SIGNS: Mapping[str, str] = {
    "draft": "○",
    "collecting": "…",
    "undecided": "?",
    "open": "?",
    "better": "▲",
    "worse": "▼",
    "equivalent": "≈",
    "withdrawn": "!",
    "safe": "✓",
    "harmed": "!",
}
"""A shape beside the word of a state, so that nobody needs its colour."""

HEALTH: Mapping[str, str] = {
    "uneven": "Alarm",
    "harmed": "Harm",
    "unstable": "Unstable",
    "silent": "Silent",
    "late": "Late events",
    "lossy": "Lost events",
    "empty": "No visitors",
    "unknown": "Too early",
    "good": "Good",
}
GROUPS: Mapping[str, str] = {"running": "Running", "draft": "Drafts", "stopped": "Stopped", "archived": "Archived"}

STATUSES: Mapping[str, str] = {"draft": "Draft", "running": "Running", "stopped": "Stopped"}
KINDS: Mapping[str, str] = {
    "milestone": "Step",
    "macro": "Goal",
    "secondary": "Secondary action",
    "guardrail": "Guardrail",
}
HARMS: Mapping[str, str] = {"more": "more is harm", "less": "less is harm"}
GRADES: Mapping[int, str] = {1: "weak yes", 2: "medium yes", 3: "strong yes"}

ATTRIBUTES: Mapping[str, str] = {
    "device": "Device",
    "source": "Source",
    "returning": "New or returning",
    "language": "Language",
}
LEVELS: Mapping[tuple[str, str], str] = {
    ("returning", "true"): "returning",
    ("returning", "false"): "new",
    ("", "unknown"): "not known",
    ("", ""): "not said",
}
"""(attribute, or "" for any; level) -> how people say it."""

LEDGER: Mapping[str, tuple[str, str]] = {
    "bot": ("Bots", "Not counted: recognised as a bot at the first exposure."),
    "staff": ("Staff", "Not counted: your own people, by the staff rules of the site."),
    "consent-withdrawn": ("Consent withdrawn", "Not counted any more: the visitor withdrew consent."),
    "forgotten": ("Forgotten", "Not counted any more: removed on the visitor’s request."),
    "before-start": ("Before the start", "Not counted: the exposure happened before this phase began."),
    "after-end": ("After the end", "Not counted: the exposure happened after this phase ended."),
    "late": (
        "Too late",
        "Kept in the log but not counted: the report arrived after its numbers had been published. "
        "A published number does not change.",
    ),
    "second-variant": (
        "Saw a second variant",
        "Counted in the variant seen first. Usually one person with two devices or a cleared browser.",
    ),
    "bad-value": ("Unreadable value", "The conversion counts, with a value of 0: its amount was missing or no number."),
    "exposure-lost": ("Lost exposures", "The visitor got a variant while the log could not take the exposure."),
}

REFUSALS: Mapping[str, tuple[str, str]] = {
    "variant-mismatch": ("another variant", "The sender claims a variant that this visitor does not have."),
    "not-in-experiment": ("not in the experiment", "The visitor is outside its traffic, layer or phase."),
    "unknown-experiment": ("unknown experiment", "No config file has this key."),
    "unknown-variant": ("unknown variant", "The experiment has no variant of this name or number."),
    "invalid": ("not understood", "A field is missing or has an impossible value."),
    "too-large": ("too large", "One event may have up to 32 KB."),
    "exposure-lost": LEDGER["exposure-lost"],
}

REASONS: Mapping[str, str] = {
    "non-stationary": (
        "The effect moved so much over time that no single value fits all the data. Find out what changed, "
        "and on which day, before you use any of these numbers."
    ),
}


def shown_state(state: str, final: bool) -> str:
    """The state to show: what is undecided is open for good when no data that could decide will come."""
    return "open" if final and state == "undecided" else state


def reason(code: str) -> str:
    """A report's reason in words; reasons that are sentences already stay as they are."""
    return REASONS.get(code, code)
