"""DecisionTable: the decision log in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from experiments.audit.decision_log import Entry
from experiments.site.site import Site
from webapp.words.formatting import count
from webapp.words.sentences import spoken
from webapp.words.vocabulary import SIGNS, STATES

CONFIRMED = "confirmed by today's data"


def show_decisions(entries: Sequence[Entry], site: Site) -> None:
    """Print which verdicts were reached and when, and whether today's data give them again."""
    console = Console(highlight=False)
    console.print()
    console.print(Text("Decisions", style="bold"))
    if not entries:
        console.print("  No verdict has been reached yet.")
        return
    zone = UTC if site.settings.time_zone == "UTC" else ZoneInfo(site.settings.time_zone)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("Date", no_wrap=True)
    table.add_column("Step and variant")
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Visitors", justify="right", no_wrap=True)
    table.add_column("", min_width=len(CONFIRMED) // 2)
    for entry in entries:
        one = entry.decision
        table.add_row(
            f"{one.decided_at.astimezone(zone):%Y-%m-%d}",
            Text.assemble(spoken(one.step), "\n", (one.variant, "dim")),
            f"{SIGNS[one.state]} {STATES[one.state]}",
            count(one.visitors),
            Text(entry.differs or CONFIRMED, style="yellow" if entry.differs else "dim"),
        )
    console.print(Padding(table, (0, 0, 0, 2)))
