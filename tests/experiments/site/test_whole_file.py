"""WholeFile: what is read is the old text or the new one, whatever the disk does."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments.site.phase_record import write_phases
from experiments.site.whole_file import write_whole
from webapp.services.tokens import Tokens


def test_the_new_text_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old\n")
    write_whole(path, "new\n")
    assert path.read_text() == "new\n"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_only_its_owner_may_read_a_secret_from_the_first_byte_on(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("readable by all")
    path.chmod(0o644)
    write_whole(path, "secret", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if fails == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda folder: write_phases(folder / "phases.json", []), id="phases"),
        pytest.param(lambda folder: Tokens(folder).create("read", "", datetime(2026, 11, 22, tzinfo=UTC)), id="tokens"),
    ],
)
def test_the_folder_is_synced_after_the_name_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: object
) -> None:
    """Else a power cut may bring back the record, or a token that was revoked."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("folder synced" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file synced")
        fsync(descriptor)

    def replaced(path: Path, target: Path) -> Path:
        done.append("replaced")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    assert callable(write)
    write(tmp_path)
    assert done == ["file synced", "replaced", "folder synced"]
