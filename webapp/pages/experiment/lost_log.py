"""LostLog: was a log of this site set aside while a phase ran, so that its counts began anew?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from experiments.definition.experiment import Experiment
from experiments.store.sqlite.set_aside import names_set_aside
from webapp.words.formatting import Formatting
from webapp.words.sentences import say

_NAME = re.compile(r".*\.(corrupt|replaced)-([0-9]{8}T[0-9]{6}Z)(-[0-9]+)?(-wal)?")


def lost_log(database: Path, phase: Experiment, formatting: Formatting) -> Sequence[Markup]:
    """A sentence for each file that was set aside since this phase began and is still there, then how to mend it."""
    found = []
    for name in names_set_aside(database):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        at = datetime.strptime(match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if phase.started_at is not None and at >= phase.started_at:
            found.append(say(f"aside.{match[1]}", day=formatting.moment(at), file=name))
    return [*found, say("aside.mend")] if found else []
