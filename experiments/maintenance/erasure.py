"""erasure: where a person's ids still are after they were deleted from the log, such as in copies of it."""

import mmap
from collections.abc import Collection, Sequence
from pathlib import Path

from experiments.events.event import VisitorId
from experiments.events.person import anywhere, whole_words

_MAGIC = b"SQLite format 3\0"


def files_with(folder: Path, ids: Collection[VisitorId], database: Path) -> Sequence[Path]:
    """Which files of this folder contain one of these ids, the database itself aside? By name.

    In a text as a word of its own; in a database, or what was kept of this one, anywhere. Raises OSError.
    """
    own = {database.with_name(database.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")}
    found = []
    for path in sorted(folder.rglob("*")):
        if path in own or not path.is_file() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            binary = content[: len(_MAGIC)] == _MAGIC or path.name.startswith(database.name)
            if (anywhere(ids) if binary else whole_words(ids)).search(content):
                found.append(path)
    return found
