"""Problem: one thing wrong in a site's files, where it is, and how to mend it."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import PydanticCustomError

Place = tuple[str | int, ...]
"""Where in a config file: keys and list indices from the top, such as ("variants", 1, "weight")."""

_LONGEST = 60  # characters of a value worth repeating in a message


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at this place of this file, and how to mend it?

    `file` is relative to the site; `line` and `column` count from 1. An error keeps the file from being used, a
    warning does not.
    """

    file: str
    line: int
    column: int
    what: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}:{self.column}: {mark}{self.what}; {self.remedy}"


class SiteError(Exception):
    """The site's files cannot be used. Carries the problems; the message is one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem before its file is known: the place is relative to the value that was looked at.

    `on_key`: the key itself is at fault (it should not be there), not its value.
    """

    place: Place
    what: str
    remedy: str
    on_key: bool = False


def refused(*faults: Fault) -> PydanticCustomError:
    """The exception with which a pydantic validator reports faults and their remedies."""
    text = "\n".join(f"{dotted(fault.place)} {fault.what}; {fault.remedy}".lstrip() for fault in faults)
    return PydanticCustomError("refused", "{text}", {"text": text, "faults": faults})


def unlike(value: object, why: str, remedy: str) -> PydanticCustomError:
    """The exception with which a validator says of this value why it is none of those that it reads."""
    return refused(Fault((), f"is {seen(value)}, {why}", remedy))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in the order of files, lines and columns."""
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column)))


def dotted(place: Place) -> str:
    """A place as people write it: variants[1].weight."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def seen(value: Any) -> str:
    """A value as a message shows it: as JSON, cut to 60 characters; of a mapping its keys, of a list its length."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping" if not value else f"a mapping with {_listed(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant, or None."""
    by_folded = {name.lower().replace("-", "_"): name for name in known}
    matches = difflib.get_close_matches(word.lower().replace("-", "_"), by_folded, n=1, cutoff=cutoff)
    return by_folded[matches[0]] if matches else None


def one_of(words: Iterable[object]) -> str:
    """Words as a choice: a, b or c."""
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _listed(value: Mapping[str, Any]) -> str:
    keys = ", ".join(str(key) for key in value)
    return keys if len(keys) <= _LONGEST else keys[: _LONGEST - 1] + "…"
