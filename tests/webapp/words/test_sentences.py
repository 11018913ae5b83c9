"""What a page may say of real data, and what it may not: the rendered page is walked beside the same numbers as data.

A real site with a real log, at three moments: the first days, when most numbers are not there; when some are; the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from ruamel.yaml import YAML

from experiments.definition.experiment import Experiment
from experiments.simulation.simulate import simulate
from experiments.simulation.truth import Behaviour, Crowd, Truth
from webapp.server.app import create_app
from webapp.words.sentences import spoken
from webapp.words.vocabulary import LEVELS, STATES

HERE = "http://localhost"
PAGE = "/results/contact-form"
START = datetime(2026, 10, 1, tzinfo=UTC)
NOW = START + timedelta(days=22)
MOMENTS = {"first days": 2, "some numbers": 6, "the end": 22}  # days after the start

DEFINITION: dict[str, Any] = {
    "key": "contact-form",
    "name": "Three forms",
    "status": "running",
    "started_at": "2026-10-01T00:00:00Z",
    "variants": [{"key": key, "weight": 1} for key in ("single", "multi-step", "broken")],
    "path": [
        {"step": "form-seen", "event": "form_viewed", "grade": 1, "window": "1 hour"},
        {"step": "email-given", "event": "email_given", "grade": 3, "window": "1 day", "value": 2},
        {"step": "job-booked", "event": "job_booked", "value": "amount"},
    ],
    "secondary": [{"step": "praise-read", "event": "praise_read", "grade": 1}],
    "guardrails": [{"step": "form-error", "event": "form_error", "harm": "more", "margin": "10%"}],
    "window": "3 days",
    "analysis": {"detect": "20%"},
}
TRUTH = Truth(
    variants={
        "single": Behaviour(rates=(0.8, 0.4, 0.3), alone={"praise-read": 0.2, "form-error": 0.05}, returning=0.2),
        "multi-step": Behaviour(rates=(0.8, 0.5, 0.4), alone={"praise-read": 0.2, "form-error": 0.05}, returning=0.2),
        "broken": Behaviour(rates=(0.8, 0.004, 0.0), alone={"praise-read": 0.2, "form-error": 0.4}, returning=0.0),
    },
    crowds=(
        Crowd(share=0.7, attributes={"device": "phone"}),
        Crowd(share=0.28, attributes={"device": "desktop"}),
        Crowd(share=0.02),
    ),
)

Row = dict[str, str]
"""A row of a table: its heading under "", then what stands under each label."""


@dataclass
class Table:
    """A table of the page, its caption and rows."""

    caption: str = ""
    rows: list[Row] = field(default_factory=list)


@dataclass
class Section:
    """A section of the page: its words without tables, its tables, and the classes used anywhere in it."""

    words: str = ""
    tables: list[Table] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)


class Reader(HTMLParser):
    """Reads a page into sections, by the heading that names each."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, Section] = {}
        self._section: Section | None = None
        self._cell: str | None = None
        self._caption = False
        self._pictures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._pictures += tag == "svg"
        if tag == "section":
            self._section = self.sections.setdefault(given.get("aria-labelledby") or "", Section())
        if self._section is None:
            return
        self._section.classes.update((given.get("class") or "").split())
        match tag:
            case "table":
                self._section.tables.append(Table())
            case "caption":
                self._caption = True
            case "tr":
                self._section.tables[-1].rows.append({})
            case "th" | "td":
                self._cell = given.get("data-label") or ("" if given.get("scope") == "row" else None)
                if self._cell is not None:
                    self._section.tables[-1].rows[-1][self._cell] = ""

    def handle_endtag(self, tag: str) -> None:
        self._pictures -= tag == "svg"
        if tag in ("th", "td"):
            self._cell = None
        if tag == "caption":
            self._caption = False

    def handle_data(self, data: str) -> None:
        if self._section is None or self._pictures:
            return
        if self._caption:
            self._section.tables[-1].caption += data
        elif self._cell is not None:
            self._section.tables[-1].rows[-1][self._cell] += data
        else:
            self._section.words += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a site to which 9,000 visitors came."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "experiments").mkdir()
    (folder / "yesladder.yaml").write_text("write_key: 0123456789abcdef\ncurrency: EUR\ntime_zone: Europe/Berlin\n")
    with Path(folder / "experiments" / "contact-form.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(DEFINITION, file)
    app = create_app(folder, clock=lambda: NOW, open_results=True)
    log = app.extensions["yesladder"].log.store
    phase = Experiment.model_validate(DEFINITION)
    rng = np.random.default_rng(6)
    log.append(list(simulate(phase, TRUTH, rng, start=START, days=20, visitors=9_000, until=NOW)))
    yield app.test_client()
    app.extensions["yesladder"].close()


@pytest.fixture(scope="module", params=MOMENTS, ids=list(MOMENTS))
def asked(request: pytest.FixtureRequest) -> str:
    """The query of one of the moments."""
    return f"?as_of={START + timedelta(days=MOMENTS[request.param]):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def page(site: FlaskClient, asked: str) -> dict[str, Section]:
    """The sections of the page at that moment."""
    reader = Reader()
    reader.feed(site.get(PAGE + asked, base_url=HERE).text.replace("<wbr>", ""))
    return reader.sections


@pytest.fixture(scope="module")
def numbers(site: FlaskClient, asked: str) -> Any:
    """The same as data."""
    return site.get(f"{PAGE}.json{asked}", base_url=HERE).get_json()


def has_number(cell: str) -> bool:
    """Is there an amount or a share in it? Counts that a reason names are none."""
    return re.search(r"\d\s*%|\d EUR", cell) is not None


def has_p(cell: str) -> bool:
    """Is there a p-value in it?"""
    return re.search(r"\bp [=<]", cell) is not None


def rows_of(section: Section, start: str) -> list[Row]:
    """The rows of the section's tables whose caption begins so; those with a heading."""
    return [
        row for table in section.tables if table.caption.strip().startswith(start) for row in table.rows if "" in row
    ]


def row_of(rows: Sequence[Row], name: str, **more: str) -> Row:
    """The one row whose heading begins with this name, and that has these values too."""
    [found] = [
        row
        for row in rows
        if row[""].strip().lower().startswith(name.lower())
        and all(row[key].strip() == text for key, text in more.items())
    ]
    return found


def same(cell: str, number: object) -> bool:
    """Is there a number in the cell exactly when there is one in the data?"""
    return has_number(cell) == (number is not None)


def test_the_moments_are_such_that_numbers_are_missing_and_there(site: FlaskClient) -> None:
    """Else the walks below would prove nothing."""
    found = []
    for days in MOMENTS.values():
        at = f"{START + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        document: Any = site.get(f"{PAGE}.json?as_of={at}", base_url=HERE).get_json()
        parts = [part for one in document["decomposition"] for part in one["steps"]]
        lifts = [one["relative_lift"] for step in document["steps"] for one in step["comparisons"]]
        learned = [one["pooled"]["value"] for one in document["learned_values"]]
        found.append([sum(value is not None for value in values) for values in (lifts, learned, parts)])
        found[-1][2] = sum(part["relative_lift"] is not None for part in parts)
    assert found[0][0] < found[1][0] <= found[2][0]
    assert (found[0][1], found[0][2]) == (0, 0)
    assert found[2][1] > 0
    assert 0 < found[2][2] < 6, "the broken variant has no number at its last step"


def test_a_step_has_a_number_exactly_where_the_data_have_one(page: dict[str, Section], numbers: Any) -> None:
    for step in numbers["steps"]:
        name = spoken(step["step"])
        for key, cells in step["variants"].items():
            reach = row_of(rows_of(page["path"], "Reach of every step"), name, Variant=key)
            assert same(reach["Rate"], cells["rate"])
            assert reach["Visitors"].replace(",", "") == str(cells["visitors"])
        for one in step["comparisons"]:
            row = row_of(rows_of(page["steps"], one["variant"] + " against"), name)
            assert same(row["Change"], one["relative_lift"])
            ends = one["relative_interval"] or [None, None]
            bounded = one["relative_lift"] is not None and any(end is not None for end in ends)
            assert has_number(row["The data fit"]) == bounded
            assert has_p(row["The data fit"]) == (one["relative_lift"] is not None and one["p_value"] is not None)
            assert re.search(r"\d", row["State"]) is None or one["decided_at"] is not None


def test_a_part_of_the_change_has_a_number_exactly_where_the_data_have_one(
    page: dict[str, Section], numbers: Any
) -> None:
    for one in numbers["decomposition"]:
        rows = rows_of(page["origin"], one["variant"] + " against")
        for part in [*one["steps"], {**one, "step": "All steps together"}]:
            row = row_of(rows, spoken(part["step"]))
            assert same(row["Change here"], part["relative_lift"])
            if "share" in part:
                assert same(row["Share of the whole"], part["share"])
            assert same(row["The data fit"], part["relative_interval"])


def test_money_is_shown_exactly_where_the_data_have_some(page: dict[str, Section], numbers: Any) -> None:
    worth = page["worth"]
    for key, cells in numbers["value"]["variants"].items():
        row = row_of(rows_of(worth, "Value of the visitors"), key)
        assert same(row["Per visitor"], cells["mean"])
    for one in numbers["value"]["comparisons"]:
        row = row_of(rows_of(worth, "Value per visitor against"), one["variant"])
        assert same(row["Difference"], one["difference"])
        assert same(row["Change"], one["relative_lift"])
        assert same(row["The data fit"], one["difference_interval"])


def test_a_learned_value_carries_its_badge_and_a_number_only_where_there_is_one(
    page: dict[str, Section], numbers: Any
) -> None:
    rows = rows_of(page["worth"], "Value of each step and action")
    assert numbers["learned_values"]
    for one in numbers["learned_values"]:
        row = row_of(rows, spoken(one["step"]))
        assert same(row["Learned"], one["pooled"]["value"])
        assert same(row["The data fit"], one["pooled"]["interval"])
        assert same(row["Declared"], one["declared"])
        assert row["How well known"].strip().startswith(one["badge"] or "–")
        for key, alone in one["variants"].items():
            inside = row_of(rows_of(page["worth"], "Learned in each variant"), spoken(one["step"]), Variant=key)
            assert same(inside["Learned"], alone["value"])
    assert "An association, not an effect" in page["worth"].words


def test_the_ladder_shows_a_share_exactly_where_the_data_have_one(page: dict[str, Section], numbers: Any) -> None:
    rows = rows_of(page["ladder"], "Visitors on each rung")
    shares = [cells["share"] for rung in numbers["ladder"] for cells in rung["variants"].values()]
    if not rows:
        assert set(shares) == {None}
    else:
        assert len(rows) == len(shares)
        assert sum(has_number(row["Share"]) for row in rows) == sum(share is not None for share in shares)


def test_a_segment_has_a_number_exactly_where_the_data_have_one(
    page: dict[str, Section], site: FlaskClient, asked: str
) -> None:
    found: Any = site.get(f"{PAGE}/by/device.json{asked}", base_url=HERE).get_json()
    assert found["comparisons"] or not rows_of(page["segments"], "Device")
    for one in found["comparisons"]:
        row = row_of(
            rows_of(page["segments"], f"Device: {one['variant']} against"), LEVELS.get(("", one["level"]), one["level"])
        )
        assert same(row["Change"], one["relative_lift"])
        assert has_p(row["The data fit"]) == (one["p_value_adjusted"] is not None)
        assert ("stands out" in row[""]) == one["stands"]


def test_only_the_verdict_the_steps_and_the_log_carry_a_badge(page: dict[str, Section]) -> None:
    carrying = {name for name, section in page.items() if "badge" in section.classes}
    assert carrying <= {"verdict", "record", "steps", "decisions"}
    assert {"verdict", "steps"} <= carrying


DESCRIBING = ("path", "ladder", "origin", "worth", "segments")
VERDICTS = sorted({*STATES.values(), "Significant", "Winner", "Winning", "Loser", "Wins"} - {"Draft"})


@pytest.mark.parametrize("name", DESCRIBING)
def test_what_describes_says_no_verdict(page: dict[str, Section], name: str) -> None:
    section = page[name]
    said = section.words.split("What do these numbers mean?")[0]
    said += " ".join(text for table in section.tables for row in table.rows for text in row.values())
    for verdict in VERDICTS:
        assert not re.search(rf"\b{verdict}\b", said), verdict
    for state in STATES:
        assert f"whisker-{state}" not in section.classes


@pytest.mark.parametrize("name", ["path", "ladder", "origin"])
def test_what_compares_different_people_has_no_p_value(page: dict[str, Section], name: str) -> None:
    for table in page[name].tables:
        for row in table.rows:
            assert not any(has_p(text) for text in row.values())


def test_conditional_rates_say_that_they_are_no_test(page: dict[str, Section]) -> None:
    rows = rows_of(page["path"], "Where visitors are lost")
    assert len(rows) == 9
    assert all(set(row) == {"", "Variant", "Reached", "Lost before it", "Of the step before"} for row in rows)
    assert "“Of the step before” compares different people in each variant" in page["path"].words
    assert "it is no test and gets no verdict" in page["path"].words


def test_a_decomposition_is_an_accounting_identity_of_one_causal_effect(page: dict[str, Section]) -> None:
    said = page["origin"].words
    assert "This splits one causal effect, the lift of the macro-conversion, into parts that add up to it" in said
    assert "the parts are an accounting identity, not causal effects of their own" in said
    assert "does not replace" in said


def test_segments_say_that_they_explore(page: dict[str, Section]) -> None:
    said = page["segments"].words
    assert "Segments (exploratory)" in said
    assert "so nothing here decides anything" in said
    for table in page["segments"].tables:
        assert table.caption.endswith("exploratory")


def test_times_to_convert_describe(site: FlaskClient, asked: str) -> None:
    text = site.get(f"{PAGE}/time-to-convert{asked}", base_url=HERE).text
    reader = Reader()
    reader.feed(text)
    words = re.sub(r"<[^>]+>", " ", text)
    assert "This describes; it is no test and gets no verdict." in words
    assert "The times of those who got there compare different people" in words
    assert 'class="badge' not in text
    for verdict in VERDICTS:
        assert not re.search(rf"\b{verdict}\b", words), verdict
    found: Any = site.get(f"{PAGE}/time-to-convert.json{asked}", base_url=HERE).get_json()
    for step in found["steps"]:
        for key, one in step["variants"].items():
            row = row_of(rows_of(reader.sections["quartiles"], "Within which time"), spoken(step["step"]), Variant=key)
            assert row["Reached"].replace(",", "") == str(one["reached"])
            assert bool(re.search(r"\d", row["Half within"])) == (one["half_within"] is not None)
    for row in rows_of(reader.sections["curve"], "Share of all visitors"):
        assert all(has_number(row[key]) == bool(found["steps"][0]["variants"][key]["visitors"]) for key in row if key)
