"""The demo's pages without a browser: they exist only in the demo, refuse with a remedy, and keep nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp.commands.site.site_folder import new_site
from webapp.demo.pages import JOBS, arrival, faults_of, open_days
from webapp.server.app import create_app

GOOD = {"job": "spring", "when": "week", "zip": "53005", "name": "Ann", "email": "a@b.example", "phone": "", "note": ""}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FlaskClient]:
    """The demo site, on a Saturday."""
    new_site(tmp_path / "site", "USD")
    app = create_app(tmp_path / "site", clock=lambda: datetime.fromisoformat("2026-11-21T10:00:00Z"), demo_site=True)
    yield app.test_client()
    app.extensions["yesladder"].close()


def test_only_the_demo_has_these_pages(client: FlaskClient) -> None:
    assert client.get("/demo/").status_code == 404


def test_every_page_has_the_ordinary_tag_and_no_inline_script_or_style(shop: FlaskClient) -> None:
    for path in ("/", "/prices", "/contact", "/booking?job=spring", "/booked?job=spring&slot=2026-11-24T08"):
        answer = shop.get(f"/demo{path}")
        assert answer.status_code == 200
        assert '<script async fetchpriority="high" src="/yesladder.js" data-write-key="' in answer.text
        assert "style=" not in answer.text
        assert "<script>" not in answer.text
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_quote_leads_to_its_booking_with_nothing_personal_in_the_address(shop: FlaskClient) -> None:
    answer = shop.post("/demo/contact", data=GOOD)
    assert (answer.status_code, answer.location) == (303, "/demo/booking?job=spring")
    page = shop.get(answer.location).text
    assert "data-yes-properties='{\"amount\": 285}'" in page
    assert "Monday, November 23" in page, "Sunday is no working day"
    booked = shop.post("/demo/booking", data={"job": "spring", "slot": "2026-11-23T08"})
    assert (booked.status_code, booked.location) == (303, "/demo/booked?job=spring&slot=2026-11-23T08")
    assert "Monday, November 23, 8 to 11 am" in shop.get(booked.location).text


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("job", "roof", "Choose what is wrong"),
        ("when", "", "Choose when"),
        ("zip", "5300", "5 digits"),
        ("name", "", "Tell us your name"),
        ("email", "ann", "name@example.com"),
        ("phone", "12-34", "7 digits or more"),
    ],
)
def test_a_form_that_is_not_right_comes_back_with_what_was_typed_and_the_remedy(
    shop: FlaskClient, field: str, value: str, remedy: str
) -> None:
    assert list(faults_of(GOOD | {field: value})) == [field]
    answer = shop.post("/demo/contact", data=GOOD | {field: value, "note": "<b>It squeaks</b>"})
    assert answer.status_code == 422
    assert remedy in answer.text
    assert f'aria-describedby="fault-{field}"' in answer.text
    assert 'class="form-error"' in answer.text
    assert "&lt;b&gt;It squeaks" in answer.text


def test_a_booking_without_a_time_does_not_exist(shop: FlaskClient) -> None:
    assert shop.get("/demo/booked?job=spring&slot=soon").status_code == 404


def test_the_times_offered_are_of_working_days_and_read_well() -> None:
    days = open_days(datetime.fromisoformat("2026-11-21T23:30:00Z"))
    assert [day for day, _ in days] == ["Monday, November 23", "Tuesday, November 24", "Wednesday, November 25"]
    assert [words for _, words in days[0][1]] == ["8 to 11 am", "11 am to 2 pm", "2 to 5 pm"]
    assert arrival(datetime.fromisoformat(days[0][1][2][0] + ":00")) == "Monday, November 23, 2 to 5 pm"


def test_an_unknown_job_is_a_check_up(shop: FlaskClient) -> None:
    assert JOBS[-1].repair in shop.get("/demo/booking?job=roof").text
