"""How this site and what it answers were made, by the code of commit 0105e27 (version 0.1.0), once and for all:

    git worktree add OLD 0105e27
    cd OLD && PYTHONPATH=. python NEW/tests/sites/version-0.1/make.py

Imports are those of that version. All is made at fixed moments, and by chance with a seed. `site.tar.xz` has the site
as it was left, `answers.jsonl` what the command line said then, and the secret of its token.
"""

from __future__ import annotations

import json
import random
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from experiments.catalog import Catalog
from experiments.sqlite_store import SqliteStore, open_store
from webapp.reports import Reports
from webapp.tokens import Tokens

from experiments.events import Event, MessageId, Refusal, VisitorId
from webapp.cli import main

HERE = Path(__file__).parent
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = """write_key: wk_version_0_1
currency: EUR
time_zone: Europe/Berlin
"""
FORM = """key: contact-form
name: Multi-step vs single contact form
hypothesis: One easy question first makes more visitors finish the form.
status: {status}
phase: {phase}
{times}variants:
  - {{key: single, weight: 50}}
  - {{key: multi-step, weight: 50}}
path:
  - {{step: form-seen, event: form_viewed, grade: 1, window: 1 hour}}
  - {{step: form-started, event: form_started, grade: 2, window: 1 day}}
  - {{step: quote-requested, event: quote_requested, value: amount}}
secondary:
  - {{step: testimonials-read, event: testimonials_viewed, grade: 1}}
guardrails:
  - {{step: form-error, event: form_error, harm: more, margin: 10%}}
window: 2 days
segments: [plan]
analysis: {{alpha: 0.05, detect: 50%, planned_visitors: 240, adjust_for: [device]}}
"""
POPUP = """key: popup
name: A popup at the third page
hypothesis: Who has seen three pages likes to be asked.
status: running
started_at: 2026-01-06T00:00:00Z
variants:
  - {key: none, weight: 2}
  - {key: early, weight: 1}
  - {key: late, weight: 1}
path:
  - {step: popup-seen, event: popup_seen}
  - {step: address-left, event: address_left}
window: 1 day
"""
RATES = {
    "contact-form": {"form_viewed": 0.8, "form_started": 0.5, "quote_requested": 0.2, "testimonials_viewed": 0.3},
    "popup": {"popup_seen": 0.7, "address_left": 0.15},
}
BETTER = {"multi-step": 1.9, "early": 1.2}


class Clock:
    """The time of the site."""

    now = START

    def __call__(self) -> datetime:
        return self.now


def visits(chance: random.Random, number: int, first: datetime, days: int, key: str, variants: Sequence[str]) -> Any:
    """Visitors of one experiment, spread over so many days; some are robots, some are known by a second id."""
    for n in range(number):
        visitor = VisitorId(f"{key}-{first:%d}-{n}")
        at = first + timedelta(seconds=chance.randrange(int(days * DAY.total_seconds())))
        variant = chance.choice(variants)
        attributes = {"device": chance.choice(["phone", "desktop"]), "source": chance.choice(["search", "mail"])}
        attributes |= {"plan": chance.choice(["free", "paid"])} if key == "contact-form" else {}
        attributes |= {"bot": "true"} if n % 40 == 3 else {}
        known: dict[str, Any] = {"experiment": key, "attributes": attributes}
        yield event(f"x{n}", "exposure", visitor, at, variant=variant, **known)
        if n % 50 == 7:  # seen with another variant later, too
            yield event(f"y{n}", "exposure", visitor, at + timedelta(hours=3), variant=variants[0], **known)
        if n % 25 == 9:
            yield event(f"j{n}", "join", visitor, at + timedelta(minutes=1), joined=VisitorId(f"account-{visitor}"))
        for place, (name, rate) in enumerate(RATES[key].items()):
            if chance.random() < min(rate * BETTER.get(variant, 1.0), 0.95):
                then = at + timedelta(minutes=2 * place + 2)
                late = timedelta(days=6) if n % 30 == 4 else timedelta(0)  # received long after it happened
                value = {"amount": chance.choice([49.5, 120, "much"])} if name == "quote_requested" else {}
                yield event(f"{name}{n}", "action", visitor, then, late, name=name, properties=value)


def event(
    message: str, kind: Any, visitor: VisitorId, at: datetime, late: timedelta = timedelta(0), **more: Any
) -> Event:
    return Event(MessageId(f"{visitor}-{message}"), kind, visitor, at, at + late, **more)


def site(path: Path) -> str:
    """Make it; answers the secret of a token that may read."""
    (path / "experiments").mkdir(parents=True)
    (path / "yesladder.yaml").write_text(SETTINGS)
    (path / "experiments" / "popup.yaml").write_text(POPUP)
    form, clock, chance = path / "experiments" / "contact-form.yaml", Clock(), random.Random(20260105)
    form.write_text(FORM.format(status="running", phase=1, times="started_at: 2026-01-05T00:00:00Z\n"))
    catalog = Catalog(path, clock)
    store = open_store(path / "yesladder.db", catalog.phases, clock=clock)
    happened = [*visits(chance, 240, START, 10, "contact-form", ["single", "multi-step"])]
    happened += visits(chance, 90, START + DAY, 14, "popup", ["none", "none", "early", "late"])
    for day in range(1, 12):
        clock.now = START + day * DAY
        receive(store, happened, clock.now)
    # the first phase ends, and the second begins
    ended = "started_at: 2026-01-05T00:00:00Z\nended_at: 2026-01-16T00:00:00Z\n"
    form.write_text(FORM.format(status="stopped", phase=1, times=ended))
    catalog.refresh()
    clock.now = START + 15 * DAY
    read_all(catalog, store, clock)
    form.write_text(FORM.format(status="running", phase=2, times="started_at: 2026-01-20T00:00:00Z\n"))
    catalog.refresh()
    happened += visits(chance, 60, START + 15 * DAY, 6, "contact-form", ["single", "multi-step"])
    refused = Refusal("variant-mismatch", "properties.variation_id is 'x', must be 'single'", clock.now, name="x")
    store.append([], [refused, Refusal("invalid", "userId is 3, must be a text", clock.now)])
    for day in range(15, 25):
        clock.now = START + day * DAY
        receive(store, happened, clock.now)
    withdrawn = next(one.visitor for one in happened if one.experiment == "popup" and not one.attributes.get("bot"))
    store.append([event("away", "withdrawal", withdrawn, clock.now)])
    store.forget(next(one.visitor for one in happened if one.experiment == "contact-form"))
    read_all(catalog, store, clock)
    store.close()
    return Tokens(path).create("read", "made by version 0.1", clock.now)


def receive(store: SqliteStore, happened: list[Event], until: datetime) -> None:
    known = [one for one in happened if until - DAY <= one.received_at < until]
    store.append(sorted(known, key=lambda one: one.received_at))


def read_all(catalog: Catalog, store: SqliteStore, clock: Clock) -> None:
    """Look at every phase, so that what was decided is recorded."""
    for phase in catalog.phases():
        Reports().figures(phase, store, clock.now, catalog.phases()).keep_decisions(clock.now, store.record)


def questions(now: str) -> Iterator[Sequence[str]]:
    """What is asked of the command line, after the site."""
    for key, phase in (("contact-form", "1"), ("contact-form", "2"), ("popup", "1")):
        of = [key, "--phase", phase, "--json"]
        yield ["results", *of, "--as-of", now]
        yield ["results", *of, "--as-of", "2026-01-12T10:00:00Z" if phase == "1" else "2026-01-24T10:00:00Z"]
        yield ["results", *of, "--as-of", now, "--by", "device"]
        yield ["ledger", *of, "--newest", "5"]
        yield ["why", *of, "--from", "2026-01-12T10:00:00Z", "--to", now]
    for visitor in ("contact-form-05-9", "popup-06-4", "nobody"):
        yield ["visitor", visitor, "--json"]
    yield ["verify"]


def asked(site_path: Path, question: Sequence[str]) -> Any:
    command, *rest = question
    output = CliRunner().invoke(main, [command, str(site_path), *rest]).output
    return json.loads(output) if "--json" in rest else output


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "site"
        secret = site(made)
        with tarfile.open(HERE / "site.tar.xz", "w:xz") as archive:
            for file in sorted(made.rglob("*")):
                if file.is_file() and not file.name.endswith(("-wal", "-shm", ".lock")):
                    archive.add(file, file.relative_to(made))
        lines = [json.dumps({"secret": secret})]
        for question in questions("2026-01-29T12:00:00Z"):
            lines.append(json.dumps({"asked": question, "answer": asked(made, question)}, ensure_ascii=False))
            sys.stdout.write(lines[-1][:300] + "\n")
        (HERE / "answers.jsonl").write_text("\n".join(lines) + "\n")
