"""EventFile: a file of Segment-shaped JSON lines, judged line by line as what the wire receives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments.admission import admit
from experiments.catalog import Catalog
from experiments.events import Event, Refusal
from webapp.attributes import Attributes, named_attributes
from webapp.segment_event import Receipt, Unacceptable, parse_event


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its size in bytes, and what it is taken for."""

    number: int
    size: int
    outcome: Event | Refusal


def read_events(path: Path, catalog: Catalog, now: datetime) -> Iterator[Line]:
    """What does each line tell? The sender is trusted: receipt is `receivedAt`, else `timestamp`, else `now`.

    Empty lines say nothing. Raises OSError when the file cannot be read.
    """
    receipt = Receipt(now, trusted=True)
    attributes = Attributes(named_attributes(catalog.experiments().values()))
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                yield Line(number, len(raw), _judge(raw, receipt, attributes, catalog))


def _judge(raw: bytes, receipt: Receipt, attributes: Attributes, catalog: Catalog) -> Event | Refusal:
    item: Any = None
    try:
        item = json.loads(raw)
        return admit(parse_event(item, receipt, attributes), catalog)
    except Unacceptable as error:
        return Refusal(error.reason, error.detail, receipt.received_at)
    except (ValueError, RecursionError) as error:
        return Refusal("invalid", f"the line is no JSON object ({error})", receipt.received_at)
