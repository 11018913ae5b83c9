"""Ladder, decomposition, worth, guardrails, segments: what the page says of them, and what it never says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.reporting.comparison import NOTHING_KNOWN, Effect
from experiments.reporting.learned_values import Backing
from experiments.reporting.lift_decomposition import ACCOUNTING_IDENTITY, Part, VariantDecomposition
from experiments.reporting.sample_ratio import Finding, SampleRatio
from tests.webapp.pages.conftest import without_pictures
from webapp.pages.experiment.lift_waterfall import waterfalls
from webapp.pages.experiment.value import worth
from webapp.words.formatting import Formatting
from webapp.words.vocabulary import STATES

Words = Callable[[str], str]
HERE = "http://localhost"
PAGE = "/results/contact-form"
EUROS = Formatting(UTC, "UTC", "EUR")
VERDICTS = sorted({*STATES.values(), "Winner", "Significant"})


def section(client: FlaskClient, heading: str, path: str = PAGE) -> str:
    """The markup of one section of the page."""
    text = client.get(path, base_url=HERE).text
    [found] = re.findall(rf'<section aria-labelledby="{heading}">.*?</section>', text, flags=re.S)
    return str(found)


def words(markup: str) -> str:
    """The words of some markup, white space made even."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without_pictures(markup).replace("<wbr>", "")))


@pytest.mark.parametrize("heading", ["ladder", "origin", "worth", "segments"])
def test_what_only_describes_never_carries_a_verdict(
    stage: Any, client: FlaskClient, build: SimpleNamespace, heading: str
) -> None:
    """Segments of which one stands out, in an experiment that has a verdict."""
    stage.show(build.report("better"))
    stage.segments = {"device": build.levels(build.experiment(), phone=(900, 0.8), desktop=(300, 0.0))}
    markup = section(client, heading)
    assert "badge" not in markup
    for state in ("better", "worse", "equivalent", "safe", "harmed"):
        assert f"whisker-{state}" not in markup
    for verdict in VERDICTS:
        assert not re.search(rf"\b{verdict}\b", words(markup).split("What do these numbers mean?")[0])


@pytest.mark.parametrize("heading", ["ladder", "origin", "worth", "segments"])
def test_no_number_is_shown_where_the_report_has_none(
    stage: Any, client: FlaskClient, build: SimpleNamespace, heading: str
) -> None:
    stage.show(build.report("collecting", visitors=0, ledger={}))
    said = words(section(client, heading)).split("What do these numbers mean?")[0]
    assert {
        "ladder": "No day of visitors is complete yet",
        "origin": "in one of the variants nobody has got this far",
        "worth": "no day is sealed yet",
        "segments": "No day of visitors is complete yet",
    }[heading] in said
    for wrong in (r"[+−]\d", r"[1-9]\.\d\d EUR", "None", "nan", r"\binf"):
        assert not re.search(wrong, re.sub(r"[−+]\d+%", "", said)), wrong  # the scale's ends are no numbers of anything


def test_a_decomposition_says_that_it_is_an_accounting_identity(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    said = words(section(client, "origin"))
    assert ACCOUNTING_IDENTITY in said
    assert "Form started +19." in said
    assert re.search(r"All steps together \+2\d\.\d%", said)


def test_bars_of_a_waterfall_start_where_the_one_before_ends(build: SimpleNamespace) -> None:
    [fall] = waterfalls(build.report())
    bars = [row.bar for row in fall.rows]
    assert bars[0].start == 0.5
    assert [bar.start for bar in bars[1:]] == pytest.approx([bar.end for bar in bars[:-1]])
    assert fall.total.bar.end == pytest.approx(bars[-1].end)
    assert all(bar.fits.low <= bar.end <= bar.fits.high for bar in bars)
    assert (1 + fall.low) * (1 + fall.high) == pytest.approx(1)


def test_a_part_without_a_number_has_no_bar_nor_have_those_after_it(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    lacking = Part("form-started", None, NOTHING_KNOWN, None, "in one of the variants nobody has got this far")
    known = Part("form-seen", 0.1, Effect(0.105), None, "in each variant 25 visitors must have gone on, and 25 not")
    found = VariantDecomposition("multi-step", "single", lacking, [known, lacking, replace(known, step="email-given")])
    report = build.report(decomposition=[found])
    [fall] = waterfalls(report)
    assert [row.bar is None for row in fall.rows] == [False, True, True]
    assert fall.rows[0].bar is not None
    assert fall.rows[0].bar.fits is None
    stage.show(report)
    assert "Form seen +10.5% in each variant 25 visitors must have gone on, and 25 not" in words(
        section(client, "origin")
    )


def test_value_is_asked_at_its_own_level_and_never_decides(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    said = words(section(client, "worth"))
    assert "This question is asked at its own level" in said
    assert "It never decides the verdict" in said
    assert re.search(r"single control 7,630 350 87,500.00 EUR 11.47 EUR", said), said
    assert re.search(r"multi-step \+2\.\d\d EUR \+2\d\.\d% .* EUR p", said), said


def test_an_experiment_without_value_has_no_money(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    path = build.experiment().model_dump(mode="json", exclude_none=True)["path"]
    path[-1].pop("value")
    stage.show(build.report(of=build.experiment(path=path)))
    said = words(section(client, "worth"))
    assert "“job booked” has no value in the config, so there is no money to compare." in said
    assert "EUR" not in said
    path[0]["value"] = 1.5
    stage.show(build.report(of=build.experiment(path=path)))
    said = words(section(client, "worth"))
    assert "Form seen Step 1.50 EUR – the goal has no value in the config" in said
    assert "declared" in said


@pytest.mark.parametrize(
    ("backing", "badge"),
    [
        (Backing("declared", 0, 0), "declared"),
        (Backing("associated", 1, 0), "associated"),
        (Backing("moved together", 4, 1), "moved together, 4 against 1"),
        (Backing(None, 0, 0), None),
    ],
)
def test_learned_values_are_labelled_as_association(
    stage: Any, client: FlaskClient, build: SimpleNamespace, backing: Backing, badge: str | None
) -> None:
    report = build.report()
    report = replace(report, learned_values=[replace(one, backing=backing) for one in report.learned_values])
    shown = worth(report, EUROS)
    assert {shown.badge(one) for one in shown.learned} == {badge}
    stage.show(report)
    said = words(section(client, "worth"))
    assert "An association, not an effect: visitors who do this are worth so much more" in said
    assert said.count("(association, not effect)") == 2
    if badge:
        assert badge in said


@pytest.mark.parametrize(
    ("harm", "margin", "says"),
    [("more", 0.55, "(margin +10.0%)"), ("less", 0.45, "(margin −10.0%)")],
)
def test_a_guardrail_says_why_and_its_margin_is_drawn(
    stage: Any, client: FlaskClient, build: SimpleNamespace, harm: str, margin: float, says: str
) -> None:
    guardrails = [{"step": "form-error", "event": "form_error", "harm": harm, "margin": "10%"}]
    report = build.report(of=build.experiment(guardrails=guardrails))
    why = "decided on {}: harm beyond the margin is ruled out"
    night = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # it is the 21st already where the site is
    safe = build.comparison(
        "multi-step", "safe", 0.01, "guardrail", 1, reason=why.format("2026-11-20"), decided_at=night
    )
    safe = build.with_effect(safe, relative_interval=(-0.9, 0.9))  # a scale from -100% to +100%
    steps = [replace(one, comparisons=[safe]) if one.kind == "guardrail" else one for one in report.steps]
    stage.show(replace(report, steps=steps))
    markup = section(client, "steps")
    assert f"“form error” {says}: safe; {why.format('21 Nov 2026')}." in words(markup)
    assert "✓ Safe" in words(markup)
    assert 'class="whisker-margin"' in markup


def test_an_alarm_says_where_to_look(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    found = (
        Finding("level", "device", "phone", "multi-step", 0, 400, 200),
        Finding("began", "day", first=date(2026, 11, 19)),
    )
    ratio = SampleRatio(0.00002, True, {"single": 0.5, "multi-step": 0.5}, build.NOW - timedelta(days=3), found)
    stage.show(build.report("withdrawn", sample_ratio=ratio))
    said = words_of(PAGE)
    assert "The mismatch is in device phone: multi-step has 0 of 400 instead of 200." in said
    assert "It began on 19 Nov 2026 (UTC): look at what changed then." in said
    stage.show(build.report())
    assert "Where to look" not in words_of(PAGE)


def test_segments_are_exploratory_and_chosen_by_address(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    phase = build.experiment(segments=["plan"])
    stage.show(build.report(of=phase))
    stage.segments = {
        "device": build.levels(phase, phone=(900, 0.8), desktop=(300, 0.0), unknown=(3, 0.0)),
        "plan": build.levels(phase, unknown=(900, 0.8)),
        "returning": build.levels(phase, true=(300, 0.0), false=(200, 0.0)),
    }
    said = words(section(client, "segments"))
    assert "Segments (exploratory)" in said
    assert "so nothing here decides anything" in said
    assert "widened for looking at 2 comparisons at once" in said
    assert said.index("phone") < said.index("desktop") < said.index("not known")
    assert "phone stands out" in said
    assert "desktop stands out" not in said
    assert re.search(r"not known 0.0% of 42 .* – not enough data", said), said
    markup = section(client, "segments", PAGE + "?by=plan&step=form-seen")
    assert "This is not known of any visitor" in words(markup)
    assert "<table" not in markup
    assert 'href="?step=form-seen&amp;by=device#segments"' in markup
    said = words(section(client, "segments", PAGE + "?by=returning"))
    assert said.index(" returning 5.00% of 4,200") < said.index(" new 5.00% of 2,800")
    missing = client.get(PAGE + "?by=colour", base_url=HERE)
    assert missing.status_code == 404
    assert "it is by device, source, returning, language, plan" in missing.text


def test_many_small_levels_are_folded(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    stage.segments = {"source": build.levels(build.experiment(), **{f"s{k}": (300 - k, 0.0) for k in range(30)})}
    markup = section(client, "segments", PAGE + "?by=source")
    first, rest = markup.split("<summary>18 smaller ones</summary>")
    assert (first.count("<tr>"), rest.count("<tr>")) == (13, 19)


def test_every_section_says_what_its_numbers_mean(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    for heading in ("goal", "ladder", "steps", "origin", "worth", "segments"):
        assert "What do these numbers mean?" in section(client, heading), heading


def test_who_still_has_time_is_grey_and_explained(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report())
    for heading in ("goal", "path"):
        markup = section(client, heading)
        assert re.search(r'<td class="num immature" data-label="Still in time"><span>4,000 \(133 there\)', markup)
        assert "They decide nothing, and no rate counts them" in words(markup)
    stage.show(build.report(visitors=0, state="collecting", ledger={}))
    assert "They decide nothing" not in words(section(client, "goal"))


def test_the_link_to_these_numbers_asks_for_exactly_what_is_shown(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report("better", build.experiment(phase=2)))
    page = client.get(f"{PAGE}?step=form-seen&by=source", base_url=HERE).text
    [link] = re.findall(r'<a class="id" href="([^"]*)">', page)
    link = link.replace("&amp;", "&")
    assert link == f"{PAGE}?phase=2&as_of=2026-11-22T10%3A00%3A00Z&step=form-seen&by=source"
    again = client.get(link, base_url=HERE).text
    assert "You are looking at the numbers as they were on" in again
    assert re.findall(r'<a class="id" href="([^"]*)">', again) == [link.replace("&", "&amp;")]
