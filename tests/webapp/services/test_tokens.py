"""Tokens: kept as hashes, of one scope, worthless at once when revoked."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from webapp.services.tokens import Tokens, TokensUnreadable

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_token_allows_its_scope_and_no_other(tmp_path: Path) -> None:
    secret = Tokens(tmp_path).create("read", "the office", NOW)
    elsewhere = Tokens(tmp_path)  # another process
    assert elsewhere.allows(secret, "read")
    assert not elsewhere.allows(secret, "ingest")
    assert not elsewhere.allows(secret + "x", "read")
    assert not elsewhere.allows("", "read")


def test_the_file_tells_no_secret_and_is_for_its_owner_only(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    secret = tokens.create("ingest", "", NOW)
    assert secret not in tokens.path.read_text()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


def test_a_revoked_token_ends_at_once(tmp_path: Path) -> None:
    ours, theirs = Tokens(tmp_path), Tokens(tmp_path)
    kept, gone = ours.create("read", "kept", NOW), ours.create("read", "gone", NOW)
    assert theirs.allows(gone, "read")
    assert ours.revoke(ours.all()[1].id)
    assert not theirs.allows(gone, "read")
    assert theirs.allows(kept, "read")
    assert not ours.revoke("unknown")


def test_an_unknown_scope_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scope is 'write', must be one of read, ingest"):
        Tokens(tmp_path).create("write", "", NOW)  # type: ignore[arg-type]  # the value a command line may bring


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{}x")
    with pytest.raises(TokensUnreadable, match=r"tokens\.json is not a list of tokens .* delete it"):
        Tokens(tmp_path).allows("x", "read")
