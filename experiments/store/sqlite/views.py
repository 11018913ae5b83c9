"""Views of yesladder.db in plain words, for the sqlite3 shell, Datasette and spreadsheets. See sqlite_schema.py.

They show every count there is, of sealed cohorts or not: the verdict of a result page is reached on sealed ones only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NOT_COUNTED: Final = {
    "bot": "a robot by its own word; not counted",
    "staff": "one of us, as yesladder.yaml says; not counted",
    "before-start": "exposed before the test began; not counted",
    "after-end": "exposed after the test ended; not counted",
    "consent-withdrawn": "took consent back; not counted",
    "late": "an event that came after its numbers were final; kept, not counted",
    "second-variant": "exposed to this variant after another one; counted under the first",
    "bad-value": "a conversion without a usable value; counted, worth 0",
    "variant-mismatch": "refused: an exposure to a variant that was not assigned",
    "not-in-experiment": "refused: an exposure of somebody who is not in the test",
    "unknown-experiment": "refused: no experiment has this key",
    "unknown-variant": "refused: the experiment has no such variant",
    "invalid": "refused: not an event",
    "too-large": "refused: larger than an event may be",
    "exposure-lost": "an automatic exposure that could not be written",
}


def _iso(column: str) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC, with all six decimals."""
    rest = f"(({column} % 1000000 + 1000000) % 1000000)"
    return f"strftime('%Y-%m-%dT%H:%M:%S', ({column} - {rest}) / 1000000, 'unixepoch') || printf('.%06dZ', {rest})"


def _cohort(column: str, seconds: int) -> str:
    """The first moment of a cohort of so many seconds, as ISO 8601 in UTC."""
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {column} * {seconds}, 'unixepoch')"


def _steps() -> str:
    parts = (("path", "milestone"), ("secondary", "secondary"), ("guardrails", "guardrail"))
    union = " UNION ALL ".join(
        f"SELECT experiment, phase, {number} AS part, key AS place, json_extract(value, '$.step') AS step, "
        f"CASE WHEN {number} = 0 AND key = json_array_length(definition, '$.path') - 1 "
        f"THEN 'macro' ELSE '{kind}' END AS kind FROM phases, json_each(definition, '$.{key}')"
        for number, (key, kind) in enumerate(parts)
    )
    return (
        "SELECT experiment, phase, row_number() OVER (PARTITION BY experiment, phase ORDER BY part, place) AS number, "
        f"step, kind FROM ({union}) ORDER BY experiment, phase, number"
    )


def _results(segment: bool) -> str:
    split = "r.attribute, r.level, " if segment else ""
    return (
        f"SELECT r.experiment, r.phase, {split}s.number, r.step, s.kind, r.variant, sum(r.visitors) AS visitors, "
        "sum(r.reached) AS reached, 1.0 * sum(r.reached) / sum(r.visitors) AS rate FROM reach r "
        "LEFT JOIN steps s ON s.experiment = r.experiment AND s.phase = r.phase AND s.step = r.step "
        f"WHERE r.attribute {'!=' if segment else '='} '' "
        f"GROUP BY r.experiment, r.phase, {split}r.step, r.variant ORDER BY r.experiment, r.phase, {split}s.number, "
        "r.variant"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _why_not_counted() -> str:
    words = ", ".join(f"({_quoted(reason)}, {_quoted(meaning)})" for reason, meaning in _NOT_COUNTED.items())
    return (
        f"WITH words (reason, meaning) AS (VALUES {words}) "
        "SELECT experiment, phase, variant, reason, coalesce(meaning, reason) AS meaning, count FROM ("
        "SELECT experiment, phase, variant, reason, count FROM ledger "
        "UNION ALL SELECT '', NULL, '', reason, count FROM refused) LEFT JOIN words USING (reason) "
        "ORDER BY experiment, phase, reason, variant"
    )


VIEWS: Final[Mapping[str, str]] = {
    "events_readable": (
        f"SELECT {_iso('received_at')} AS received_at, {_iso('at')} AS happened_at, kind, name, visitor, "
        "joined AS same_person_as, experiment, variant, properties, attributes, message_id "
        "FROM events ORDER BY events.received_at, message_id"
    ),
    "steps": _steps(),
    "results_by_step": _results(segment=False),
    "results_by_segment": _results(segment=True),
    "visitors_by_hour": (
        f"SELECT experiment, phase, {_cohort('cohort', 3600)} AS hour, variant, visitors FROM exposed "
        "ORDER BY experiment, phase, cohort, variant"
    ),
    "visitors_by_day": (
        "SELECT experiment, phase, date(cohort * 3600, 'unixepoch') AS day, variant, sum(visitors) AS visitors "
        "FROM exposed GROUP BY experiment, phase, day, variant ORDER BY experiment, phase, day, variant"
    ),
    "value_by_variant": (
        "SELECT experiment, phase, variant, sum(visitors) AS visitors, sum(value_sum) / 100.0 AS value, "
        "sum(value_sum) / 100.0 / sum(visitors) AS value_per_visitor FROM patterns WHERE attribute = '' "
        "GROUP BY experiment, phase, variant ORDER BY experiment, phase, variant"
    ),
    "what_visitors_did": (
        "SELECT experiment, phase, variant, coalesce((SELECT group_concat(step, ', ') FROM (SELECT step FROM steps s "
        "WHERE s.experiment = p.experiment AND s.phase = p.phase AND (p.pattern >> (s.number - 1)) & 1 "
        "ORDER BY s.number)), '') AS steps_reached, visitors, value FROM ("
        "SELECT experiment, phase, variant, pattern, sum(visitors) AS visitors, sum(value_sum) / 100.0 AS value "
        "FROM patterns WHERE attribute = '' GROUP BY experiment, phase, variant, pattern) p "
        "ORDER BY experiment, phase, variant, visitors DESC, pattern"
    ),
    "why_not_counted": _why_not_counted(),
    "refused_events": (
        f"SELECT {_iso('refused_at')} AS refused_at, reason, detail, name, visitor, experiment, message_id "
        "FROM refusals ORDER BY id DESC"
    ),
    "changes_of_published_numbers": (
        f"SELECT revised_on, cause, experiment, phase, {_iso('cohort_from')} AS exposed_from, "
        f"{_iso('cohort_to')} AS exposed_to FROM revisions ORDER BY revised_on, cause, experiment, phase"
    ),
    "verdicts": (
        f"SELECT experiment, phase, step, variant, versus, state, {_iso('decided_at')} AS decided_at, visitors, "
        f"p_value, p_value_adjusted, relative_interval, method, alpha, family, {_iso('recorded_at')} AS recorded_at "
        "FROM decisions ORDER BY experiment, phase, decisions.decided_at, step, variant, state"
    ),
}
"""View -> its query. `number` counts the steps of a test from 1, in the order of the path."""
