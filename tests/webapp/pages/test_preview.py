"""Preview: what a forced evaluation answers, and that nothing of it is counted."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from flask.testing import FlaskClient

HERE = "http://localhost"


def test_every_variant_has_a_link_and_its_value(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    value = {"changes": [{"select": "#contact", "widget": "multi-step-form"}]}
    variants = [{"key": "single", "weight": 50}, {"key": "multi-step", "weight": 50, "value": value}]
    stage.drafts = [
        build.experiment(status="draft", started_at=None, variants=variants, trigger={"visible": "#contact"})
    ]
    page = client.get("/preview/contact-form", base_url=HERE).text
    for words in (
        "http://localhost/preview/contact-form/multi-step",
        "http://localhost/preview/contact-form/single",
        "multi-step-form",
    ):
        assert words in page


def test_a_forced_evaluation_is_shown_as_it_is_answered_and_not_counted(
    stage: Any, client: FlaskClient, build: SimpleNamespace
) -> None:
    stage.show(build.report())
    page = (
        client.get("/preview/contact-form/multi-step", base_url=HERE).text.replace("&#34;", '"').replace("&#39;", "'")
    )
    answer = json.loads(page[page.index('{\n  "key"') : page.index("</code>", page.index('{\n  "key"'))])
    assert (answer["variant"], answer["reason"]) == ("multi-step", "TARGETING_MATCH")
    assert answer["metadata"] | {"in_experiment": False, "reason": "forced"} == answer["metadata"]
    assert """{"context": {"targetingKey": "test-visitor", "force": "multi-step"}}""" in page
    assert "never counted" in page


def test_a_variant_is_shown_on_the_sites_own_pages(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    stage.show(build.report(of=build.experiment(trigger={"view": "/contact"})))
    page = client.get("/preview/contact-form", base_url=HERE).text
    for variant in ("single", "multi-step"):
        assert f'href="https://doors.example/contact?yesladder=contact-form:{variant}"' in page
    assert "an empty <code>?yesladder=</code> ends it" in page


def test_a_variant_alone_keeps_its_place(stage: Any, client: FlaskClient, build: SimpleNamespace) -> None:
    """Only the control is called so, and colours are those of the list."""
    stage.show(build.report())
    alone = client.get("/preview/contact-form/multi-step", base_url=HERE).text
    assert '<span class="tag">control</span>' not in alone
    assert "dot variant-1" in alone
    assert '<span class="tag">control</span>' in client.get("/preview/contact-form/single", base_url=HERE).text
