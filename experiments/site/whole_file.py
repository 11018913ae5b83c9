"""write_whole: replaces a small file so that readers see the old text or the new one, whole, after a power cut too."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, text: str, mode: int = 0o666) -> None:
    """Replace this file: whoever reads sees the old text or the new one, whole, also after a power cut.

    `mode`: who may read and write it (less the umask of the process), from its first byte on. Raises OSError; the old
    file is still there then.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # without it the old name may be back after a power cut
    finally:
        os.close(folder)
