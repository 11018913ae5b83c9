"""Kevin Hillstrom's e-mail test, 64,000 customers and three arms, through the import path: exact to the cent.

hillstrom_counts.csv says how many customers of the published data (MineThatData, 2008) share arm, channel, visit,
purchase and spend.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from webapp.cli import main

DATA = Path(__file__).with_name("hillstrom_counts.csv")
START = datetime(2008, 3, 20, tzinfo=UTC)
DEFINITION = """\
key: hillstrom
name: E-mail for men, for women, or none
status: stopped
started_at: 2008-03-20T00:00:00Z
ended_at: 2008-03-21T00:00:00Z
variants:
  - {key: no-email, weight: 1}
  - {key: mens, weight: 1}
  - {key: womens, weight: 1}
assignment: reported
exposure: explicit
path:
  - {step: visit, event: visited, grade: 1}
  - {step: purchase, event: purchased, value: spend}
window: 14 days
segments: [channel]
"""


def customers() -> Iterator[dict[str, str]]:
    """One row for each customer."""
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            yield from [row] * int(row["customers"])


def lines() -> Iterator[str]:
    """Every customer is sent an e-mail (or not) within the first hour, and visits and buys within the two weeks."""
    for number, row in enumerate(customers()):
        visitor, at = f"customer-{number}", START + timedelta(milliseconds=50 * number)
        exposure = {"experiment_id": "hillstrom", "variation_id": row["arm"], "channel": row["channel"]}
        yield line(visitor, "Experiment Viewed", at, exposure)
        if row["visited"] == "1":
            yield line(visitor, "visited", at + timedelta(days=3), {})
        if row["purchased"] == "1":
            yield line(visitor, "purchased", at + timedelta(days=4), {"spend": float(row["spend"])})


def line(visitor: str, event: str, at: datetime, properties: dict[str, object]) -> str:
    return json.dumps(
        {
            "type": "track",
            "anonymousId": visitor,
            "event": event,
            "timestamp": at.isoformat(),
            "messageId": f"{visitor}-{event}",
            "properties": properties,
        }
    )


def truth() -> dict[str, dict[str, int]]:
    """Customers, visits, purchases and spend in cents of each arm, counted from the file directly."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in customers():
        counts[row["arm"]].update(
            customers=1,
            visits=int(row["visited"]),
            purchases=int(row["purchased"]),
            cents=int(Decimal(row["spend"]) * 100),
        )
    return {arm: dict(count) for arm, count in counts.items()}


def test_hillstrom_is_exact_to_the_cent(tmp_path: Path) -> None:
    site, history = tmp_path / "site", tmp_path / "hillstrom.jsonl"

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    run("init", site)
    (site / "experiments" / "hillstrom.yaml").write_text(DEFINITION)
    history.write_text("\n".join(lines()))
    assert "0 refused" in run("import", site, history)
    found: Any = json.loads(run("results", site, "hillstrom", "--json"))
    steps = {step["step"]: step["variants"] for step in found["steps"]}
    expected = truth()
    assert sum(arm["customers"] for arm in expected.values()) == 64_000
    assert {
        arm: {
            "customers": found["exposed"][arm],
            "visits": steps["visit"][arm]["reached"],
            "purchases": steps["purchase"][arm]["reached"],
            "cents": round(steps["purchase"][arm]["value_sum"] * 100),
        }
        for arm in expected
    } == expected
    rates = {arm: round(steps["visit"][arm]["rate"], 4) for arm in expected}
    assert rates == {"mens": 0.1828, "womens": 0.1514, "no-email": 0.1062}
    rates = {arm: round(steps["purchase"][arm]["rate"], 4) for arm in expected}
    assert rates == {"mens": 0.0125, "womens": 0.0088, "no-email": 0.0057}
    assert found["state"] == "better"
    assert not found["sample_ratio"]["alarm"]
