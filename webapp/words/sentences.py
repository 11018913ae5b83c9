"""Sentences: every sentence that a page says about data, found by its key in en.toml and filled.

Values are escaped, names of variants are set in bold. Which sentence is true is decided elsewhere (such as in
verdict_sentences.py, data_health.py, forecast.py); here is only how to say it.
"""

from collections.abc import Mapping

from markupsafe import Markup

from experiments.reporting.comparison import Effect
from webapp.words.formatting import interval, listing
from webapp.words.texts import TEXTS

SENTENCES: Mapping[str, str] = {
    f"{subject}.{rest}": text for subject, texts in TEXTS["sentences"].items() for rest, text in texts.items()
}
"""`subject.key` -> the sentence, as [sentences.subject] of en.toml has it."""


def say(key: str, **values: object) -> Markup:
    """The sentence with this key, filled and escaped; what is between backquotes is code. KeyError if unknown."""
    parts = SENTENCES[key].split("`")
    marked = "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
    return Markup(marked).format(**values)  # our own sentence; format escapes the values


def plain(key: str, **values: object) -> str:
    """The same sentence for a terminal: filled, and nothing marked up."""
    return SENTENCES[key].format(**values)


def name(key: str) -> Markup:
    """A variant's key as sentences show it."""
    return Markup("<b>{}</b>").format(key)


def names(keys: list[str]) -> Markup:
    """Several variants' keys as one sentence has them: a, b and c."""
    return Markup(listing([name(key) for key in keys]))  # each is escaped


def fit(effect: Effect) -> str:
    """What the data of a comparison, a look or a part of the lift fit: its interval in words, or why there is none."""
    if effect.relative_interval is None and effect.relative_lift is not None:
        return str(say("effect.no-fit"))
    return interval(effect.relative_interval)


def spoken(key: str) -> str:
    """A step's key as people read it: 'job-booked' becomes 'job booked'."""
    return key.replace("-", " ").replace("_", " ")
