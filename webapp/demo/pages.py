"""The demo site: a garage-door repair service with both form experiments on its pages. Served by `yesladder demo` only.

Nothing that a visitor types is kept or put into an address: the quote and the booking are shown and forgotten.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.services import services

blueprint = Blueprint("demo", __name__, url_prefix="/demo")


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of repair: what a visitor calls it, what is done, and its fixed price in dollars."""

    key: str
    name: str
    repair: str
    price: int
    hours: str


JOBS: Final = (
    Job("spring", "A spring is broken", "Spring replacement", 285, "1 to 2 hours"),
    Job("track", "It came off its track", "Back on its track", 240, "1 to 2 hours"),
    Job("opener", "The opener or remote fails", "New opener, fitted", 390, "2 to 3 hours"),
    Job("panel", "A panel is dented", "Panel replacement", 420, "2 to 3 hours"),
    Job("other", "Something else", "Check and tune-up", 145, "1 hour"),
)
WHEN: Final = {"today": "As soon as you can", "week": "This week", "later": "I only want a price"}
_ASKED: Final = ("job", "when", "zip", "name", "email", "phone", "note")
_SLOT: Final = re.compile(r"\d{4}-\d\d-\d\dT(08|11|14)")
_ARRIVALS: Final = (8, 11, 14)
_DAYS_OFFERED: Final = 3


@blueprint.get("/")
def home() -> Response:
    """What the service does, and what its customers say."""
    return _page("home")


@blueprint.get("/prices")
def prices() -> Response:
    """Every repair with its price."""
    return _page("prices")


@blueprint.get("/contact")
def contact() -> Response:
    """The contact page: the form that both experiments are about."""
    return _page("contact")


@blueprint.post("/contact")
def request_quote() -> ResponseReturnValue:
    """Take the request for a quote and offer times; the form again, saying what to mend, when it is not right."""
    asked = {name: request.form.get(name, "").strip() for name in _ASKED}
    faults = faults_of(asked)
    if faults:
        return _page("contact", asked=asked, faults=faults), 422
    return redirect(url_for("demo.booking", job=asked["job"]), 303)


@blueprint.get("/booking")
def booking() -> Response:
    """The quote, and the times one can book."""
    job = _job(request.args.get("job", ""))
    return _page("booking", job=job, days=open_days(services().clock()))


@blueprint.post("/booking")
def book() -> ResponseReturnValue:
    """Take the booking."""
    job = _job(request.form.get("job", ""))
    return redirect(url_for("demo.booked", job=job.key, slot=request.form.get("slot", "")), 303)


@blueprint.get("/booked")
def booked() -> Response:
    """Thank you, and what happens next."""
    slot = request.args.get("slot", "")
    if not _SLOT.fullmatch(slot):
        abort(404, "This booking has no time. Choose one on the page of your quote.")
    return _page("booked", job=_job(request.args.get("job", "")), slot=arrival(datetime.fromisoformat(f"{slot}:00")))


@blueprint.post("/new-visitor")
def new_visitor() -> ResponseReturnValue:
    """Be somebody else, to meet the other variants: the browser forgets who it was here."""
    response = redirect(url_for("demo.home"), 303)
    response.headers["Clear-Site-Data"] = '"cookies", "storage"'
    return response


def faults_of(asked: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a request for a quote: field -> how to mend it."""
    faults = {}
    if asked["job"] not in {job.key for job in JOBS}:
        faults["job"] = "Choose what is wrong with the door."
    if asked["when"] not in WHEN:
        faults["when"] = "Choose when you need us."
    if not re.fullmatch(r"\d{5}", asked["zip"]):
        faults["zip"] = "A ZIP code has 5 digits, such as 53005."
    if not asked["name"]:
        faults["name"] = "Tell us your name."
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", asked["email"]):
        faults["email"] = "An e-mail address looks like name@example.com."
    if asked["phone"] and len(re.sub(r"\D", "", asked["phone"])) < 7:
        faults["phone"] = "A telephone number has 7 digits or more. You may also leave it empty."
    return faults


def open_days(now: datetime) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """The next working days with their slots: (day in words, [(value, time in words)])."""
    days: list[tuple[str, Sequence[tuple[str, str]]]] = []
    day = now.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    while len(days) < _DAYS_OFFERED:
        day += timedelta(days=1)
        if day.weekday() < 6:  # not on Sundays
            slots = [(f"{day:%Y-%m-%d}T{hour:02}", _hours(hour)) for hour in _ARRIVALS]
            days.append((f"{day:%A, %B} {day.day}", slots))
    return days


def arrival(start: datetime) -> str:
    """A slot in words: Monday, November 23, 8 to 11 am."""
    return f"{start:%A, %B} {start.day}, {_hours(start.hour)}"


def _hours(hour: int) -> str:
    return {8: "8 to 11 am", 11: "11 am to 2 pm", 14: "2 to 5 pm"}[hour]


def _job(key: str) -> Job:
    """The job with this key; the last, which fits anything, for an unknown one."""
    return next((job for job in JOBS if job.key == key), JOBS[-1])


def _page(name: str, **values: object) -> Response:
    write_key = services().site.settings.write_key
    context = {"asked": {}, "faults": {}} | values
    return make_response(
        render_template(f"demo/{name}.html", here=name, jobs=JOBS, when=WHEN, write_key=write_key, **context)
    )
