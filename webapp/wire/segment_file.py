"""A file of Segment-shaped JSON lines, judged line by line as what the wire receives."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments.events.event import Event, Refusal
from experiments.site.catalog import Catalog
from experiments.site.site import Staff
from webapp.wire.json_limits import read
from webapp.wire.segment_reader import Reception, judged
from webapp.wire.visitor_attributes import AttributeReader, named_attributes


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line: its number from 1, its size in bytes, and what it is taken for."""

    number: int
    size: int
    outcome: Event | Refusal


def read_events(path: Path, catalog: Catalog, staff: Staff, now: datetime) -> Iterator[EventLine]:
    """What does each line tell? The sender is trusted: receipt is `receivedAt`, else `timestamp`, else `now`.

    Empty lines say nothing. Raises OSError when the file cannot be read.
    """
    reception = Reception(now, trusted=True)
    attributes = AttributeReader(named_attributes(catalog.experiments().values()), staff)
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            outcome: Event | Refusal
            try:
                item, most = _read(raw)
            except (ValueError, RecursionError) as error:
                outcome = Refusal("invalid", f"the line is no JSON object ({error})", now)
            else:
                outcome = judged(item, reception, attributes, catalog, most)
            yield EventLine(number, len(raw), outcome)


def _read(raw: bytes) -> tuple[Any, float]:
    try:
        return read(raw)
    except ValueError:  # another encoding, a mark of the byte order, or no JSON
        return json.loads(raw), math.inf
