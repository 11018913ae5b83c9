"""The plan page: the command's answer for a browser, what the form says instead, and what is wrong with it in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from experiments.definition.experiment import Experiment
from experiments.planning.baseline import MeasuredRate, Measurement
from experiments.planning.plan import Plan, plan
from webapp.pages.background import Computed
from webapp.pages.plan import inputs as question
from webapp.pages.plan import plan_routes as plan_page
from webapp.pages.plan.form import plan_form
from webapp.pages.plan.inputs import Plans
from webapp.words.formatting import about

HERE = "http://localhost"
Words = Callable[[str], str]


@pytest.fixture(autouse=True)
def patient(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured is on stage; nothing is computed yet, and everything is waited for."""
    monkeypatch.setattr(plan_page, "measured", lambda _, __, experiment, ___: stage.known.get(experiment.key))
    monkeypatch.setattr(plan_page, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(plan_page, "DATA_PATIENCE_SECONDS", 60.0)


def known(phase: Experiment, **rates: float) -> Measurement:
    """4% reach the goal, half of all the form; 1,000 a day come, and 21,000 came."""
    of = {phase.macro.step: 0.04, "form-seen": 0.5} | {step.replace("_", "-"): rate for step, rate in rates.items()}
    measured = {step: MeasuredRate(round(10_000 * rate), 10_000) for step, rate in of.items()}
    return Measurement(phase, measured, 1000.0, 14, (0,) * 24, 21_000)


def draft(build: SimpleNamespace, **changes: Any) -> Experiment:
    """A draft, which says nothing of how it is judged."""
    made = build.experiment("idea", status="draft", started_at=None, name="An idea", **changes)
    assert isinstance(made, Experiment)
    return made


def test_it_says_what_the_command_says(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    phase = build.experiment(analysis={"detect": "20%", "planned_visitors": 40_000, "at_least": "14 days"})
    stage.show(build.report(of=phase))
    stage.known = {phase.key: known(phase)}
    words = words_of("/plan/contact-form?days=28")
    for said in (
        "22,100 visitors are needed to find a change of +20.0% in “job booked” (4.00% of visitors) 80% of the time.",
        "That is: 11,100 see single and 11,100 see multi-step.",
        "At 1,000 visitors a day they come in 23 days; the last ones then have 1 week more.",
        "Its config plans 40,000 visitors, who find a change of +20.0%",
        "If the change is there, expect the decision about",
        "In 28 days it can find a change of +",
        "planned this one look whenever you like, best up to the plan",
        "always-valid look whenever you like, no plan",
        "Form started step not measured yet",
        "Rates: measured in this experiment, all variants together: 400 of 10,000 reached “job booked”.",
        "Visitors a day: the last 14 whole days of this experiment.",
        "Chance of a verdict by week",
        "its chance stays at or below 5%",
    ):
        assert said in words, said


def test_the_json_is_the_plan_itself(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    phase = draft(build)
    stage.drafts = [phase]
    document = client.get("/plan/idea.json?rate=3%25&visitors_per_day=400&detect=20%25&days=28", base_url=HERE).json
    midnight = build.NOW.replace(hour=0)
    answer = plan(phase, {"job-booked": 0.03}, 400.0, detect=0.2, power=0.8, start=midnight, days=28)
    assert document == answer.to_json()


def test_a_running_one_decides_when_the_rest_has_come(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    """9,000 came by 22 Nov, then traffic was raised: 31,000 more take 31 days, and a week for the last ones."""
    phase = build.experiment(analysis={"detect": "20%", "planned_visitors": 40_000})
    stage.show(build.report(of=phase))
    stage.known = {phase.key: replace(known(phase), visitors=9_000)}
    document: Any = client.get("/plan/contact-form.json", base_url=HERE).json
    assert document["decision"]["latest_at"] == "2027-01-03T09:00:00Z"
    assert document["start"] == "2026-11-01T09:00:00Z"


@pytest.mark.parametrize(
    ("query", "changes", "says"),
    [
        ("", {}, "To plan it, say which change is worth finding, how many visitors reach the goal, and, for days"),
        ("?detect=20%25", {}, "To plan it, say how many visitors reach the goal, and, for days and dates"),
        ("?rate=3%25&visitors_per_day=5", {}, "To plan it, say which change is worth finding."),
        ("?rate=3%25", {"analysis": {"detect": "20%"}}, "Not known: say below how many visitors a day take part."),
        (
            "?rate=3%25&visitors_per_day=500",
            {"analysis": {"detect": "20%"}},
            "Write into its config file: analysis: {",
        ),
        ("?rate=90%25&visitors_per_day=5&detect=20", {}, "nearly everybody reaches it already: +20.0% more is imposs"),
        ("?rate=0.001%25&visitors_per_day=1&detect=1%25", {}, "There is no picture: so many visitors take longer than"),
        ("?rate=3%25&rate=form-seen%3D60%25&detect=20", {}, "Rates of form seen and job booked: as you said."),
        ("?rate=3%25&detect=20&visitors_per_day=1,500", {}, "At 1,500 visitors a day they come"),
    ],
    ids=["nothing", "rate", "detect", "traffic", "draft", "no room", "no picture", "steps", "thousands"],
)
def test_a_draft_is_planned_with_what_is_said(
    stage: Any, words_of: Words, build: SimpleNamespace, query: str, changes: dict[str, Any], says: str
) -> None:
    stage.drafts = [draft(build, **changes)]
    assert says in words_of("/plan/idea" + query)


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("detect=abc", "detect", "“abc” is no percentage; write one such as 20%."),
        ("detect=0%25", "detect", "“0%” must be more than 0% and at most 100%."),
        ("detect=101", "detect", "“101” must be more than 0% and at most 100%."),
        ("power=30", "power", "“30” must be from 50% to 99%."),
        ("rate=100%25", "rate", "“100%” must be more than 0% and at most 99.99%."),
        ("rate=sale%3D3%25", "rate", "“sale” is no step; the steps are form-seen, form-started, email-given, job-bo"),
        ("days=0", "days", "“0” must be a whole number of days from 1 to 3,650."),
        ("days=2.5", "days", "“2.5” must be a whole number"),
        ("visitors_per_day=-3", "visitors_per_day", "“-3” must be a number above 0, such as 500."),
        ("visitors_per_day=0", "visitors_per_day", "“0” must be a number above 0, such as 500."),
        ("visitors_per_day=<b>", "visitors_per_day", "“&lt;b&gt;” must be a number"),
    ],
)
def test_a_wrong_field_is_refused_beside_it(
    stage: Any, client: FlaskClient, build: SimpleNamespace, query: str, field: str, says: str
) -> None:
    stage.drafts = [draft(build)]
    response = client.get(f"/plan/idea?{query}&rate=3%25", base_url=HERE)
    assert response.status_code == 400
    assert f'id="h-{field}" class="field-error">{says}' in response.text
    assert response.text.count("aria-invalid") == 1
    data = client.get(f"/plan/idea.json?{query}&rate=3%25", base_url=HERE)
    assert (data.status_code, data.json is not None and field in data.json["message"]) == (400, True)


def test_who_is_unknown_is_not_planned(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.drafts = [draft(build)]
    for path in ("/plan/nobody", "/plan/nobody.json"):
        response = client.get(path, base_url=HERE)
        assert response.status_code == 404
        assert "Known experiments: idea." in response.text
    data = client.get("/plan/idea.json", base_url=HERE)
    assert data.status_code == 400
    assert data.json is not None
    assert data.json["message"].startswith("To plan it, say which change is worth finding")


def test_a_plan_that_takes_long_is_computed_behind_the_page(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    class Never(Computed[Any]):
        """Computes nothing."""

        def ask(self, key: Any, compute: Any) -> None:
            pass

    client.application.extensions["yesladder"].parts[Plans] = Never(1)
    stage.drafts = [draft(build)]
    query = "?rate=3%25&detect=20%25"
    response = client.get(f"/plan/idea{query}", base_url=HERE)
    assert (response.status_code, response.headers["Refresh"]) == (200, "1")
    assert "Being computed." in response.text
    data = client.get(f"/plan/idea.json{query}", base_url=HERE)
    assert (data.status_code, data.headers["Retry-After"]) == (503, "2")


def test_the_same_question_is_computed_once(
    stage: Any, client: FlaskClient, build: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return plan(*arguments, **named)

    monkeypatch.setattr(question, "plan", counted)
    phase = build.experiment(analysis={"detect": "20%"})
    stage.show(build.report(of=phase))
    stage.known = {phase.key: known(phase)}
    client.get("/plan/contact-form", base_url=HERE)
    more = known(phase)
    stage.known = {phase.key: Measurement(phase, more.rates, 1000.1, 14, more.hours, 21_009)}  # a few came meanwhile
    client.get("/plan/contact-form.json", base_url=HERE)
    assert len(calls) == 1
    client.get("/plan/contact-form?detect=10", base_url=HERE)
    assert len(calls) == 2


def test_the_picture_has_its_numbers_in_a_table(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.drafts = [draft(build)]
    page = client.get("/plan/idea?rate=4%25&detect=20%25&visitors_per_day=1000", base_url=HERE).text
    assert page.count('class="chart ') == 2
    table = page[page.index("The same in numbers") : page.index("What each method needs")]
    weeks = [int(number) for number in re.findall(r'<th scope="row">(\d+) weeks?</th>', table)]
    assert weeks == [1, 2, 3, 4, 5]
    last = re.findall(r'data-label="([^"]+)">([0-9.]+)%', table)[-4:]
    assert [name for name, _ in last] == ["no change", "+10.0%", "+20.0%", "+40.0%"]
    none, half, asked, double = (float(share) for _, share in last)
    assert none <= 5
    assert none < half < asked < double
    assert asked == pytest.approx(80, abs=0.1)


def test_what_is_over_would_begin_anew(stage: Any, words_of: Words, build: SimpleNamespace) -> None:
    over = build.experiment(status="stopped", ended_at=build.NOW - timedelta(days=9), analysis={"detect": "20%"})
    stage.show(build.report(of=over))
    stage.known = {over.key: known(over)}
    words = words_of("/plan/contact-form")
    assert "If it began anew today." in words
    assert "Nov 2026" not in words


def test_every_page_of_an_experiment_leads_to_its_plan(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    phase = build.experiment(analysis={"detect": "20%"})
    stage.show(build.report(of=phase))
    stage.known = {phase.key: known(phase)}
    stage.drafts = [draft(build)]
    home = client.get("/", base_url=HERE).text
    assert 'href="/plan/contact-form"' in home
    assert 'href="/plan/idea"' in home
    assert 'href="/plan/idea"' in client.get("/results/idea", base_url=HERE).text
    assert 'href="/plan/contact-form"' in client.get("/results/contact-form", base_url=HERE).text


def test_a_plan_is_for_those_who_may_read(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.drafts = [draft(build)]
    assert client.get("/plan/idea", base_url="http://plans.example").status_code == 302
    assert client.get("/plan/idea.json", base_url="http://plans.example").status_code == 401


@pytest.mark.parametrize("written", ["12.5%", "12.5", " 12.5 % "])
def test_a_percentage_is_written_with_or_without_its_sign(build: SimpleNamespace, written: str) -> None:
    assert plan_form({"detect": [written]}, draft(build)).detect == pytest.approx(0.125)


@pytest.mark.parametrize("state", ["undecided", "collecting", "better"])
def test_the_result_page_says_how_many_more_visitors_an_open_step_takes(
    stage: Any, client: FlaskClient, words_of: Words, build: SimpleNamespace, state: str
) -> None:
    phase = build.experiment(analysis={"detect": "20%", "planned_visitors": 40_000})
    plans = client.application.extensions["yesladder"].one(Plans)
    measured = known(phase, testimonials_read=0.3)
    stage.show(build.report(state, phase))
    stage.known = {phase.key: measured}
    asked = question.Question(phase, plan_form({}, phase), measured, build.NOW)
    assert asked.still_needed(plans, until=0.0) is None  # it is being computed
    needed = asked.still_needed(plans, until=time.monotonic() + 60)
    assert needed is not None
    of_steps = {step.step: step.needs["planned"].visitors for step in plan_of(asked, plans).steps if step.needs}
    assert needed == {step: max(0, visitors - 21_000) for step, visitors in of_steps.items()}
    assert needed["job-booked"] > 0
    assert needed["form-seen"] == 0
    words = words_of("/results/contact-form")
    more = f"about {about(needed['job-booked'])} more visitors"
    assert (more in words) is (state != "better")
    assert more not in words_of("/results/contact-form?as_of=2026-11-20T10:00:00Z")


def plan_of(asked: question.Question, plans: Plans) -> Plan:
    """The plan that was computed."""
    found = asked.planned(plans, time.monotonic() + 60)
    assert found is not None
    return found.answer.plan
