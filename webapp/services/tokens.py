"""Tokens: who may read results or bring history. Kept in the site's folder as hashes, never as themselves."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from experiments.site.whole_file import write_whole

Scope = Literal["read", "ingest"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Token:
    """One token as the site remembers it. `hash` is the SHA-256 of the secret, which has 256 random bits."""

    id: str
    scope: Scope
    note: str
    created_at: str
    hash: str


class TokensUnreadable(Exception):
    """tokens.json is not what this program wrote; the message names the file and the remedy."""


class Tokens:
    """The tokens of one site, in `tokens.json`. Read again when the file changes: a revoked token ends at once."""

    def __init__(self, site_path: Path) -> None:
        self.path = site_path / "tokens.json"
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def create(self, scope: Scope, note: str, now: datetime) -> str:
        """Make a token and answer its secret, which is shown this once. Raises ValueError on an unknown scope."""
        if scope not in SCOPES:
            raise ValueError(f"scope is {scope!r}, must be one of {', '.join(SCOPES)}")
        secret = f"yl_{scope}_{secrets.token_urlsafe(32)}"
        token = Token(secrets.token_hex(4), scope, note, now.isoformat(timespec="seconds"), _hash(secret))
        self._write((*self.all(), token))
        return secret

    def revoke(self, token_id: str) -> bool:
        """Make one token worthless; answers whether there was one with this id."""
        kept = tuple(token for token in self.all() if token.id != token_id)
        found = len(kept) < len(self.all())
        if found:
            self._write(kept)
        return found

    def all(self) -> Sequence[Token]:
        """Every token, oldest first. Raises TokensUnreadable."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._tokens = None, ()
            return ()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp != self._stamp:
            try:
                self._tokens = tuple(Token(**entry) for entry in json.loads(self.path.read_text("utf-8")))
            except (ValueError, TypeError) as error:
                remedy = "delete it and make new tokens with `yesladder token`"
                raise TokensUnreadable(f"{self.path.name} is not a list of tokens ({error}); {remedy}") from error
            self._stamp = stamp
        return self._tokens

    def allows(self, secret: str, scope: Scope) -> bool:
        """Does this secret belong to a token of this scope?"""
        hashed = _hash(secret)
        return any(hmac.compare_digest(token.hash, hashed) and token.scope == scope for token in self.all())

    def _write(self, tokens: Sequence[Token]) -> None:
        write_whole(self.path, json.dumps([asdict(token) for token in tokens], indent=1) + "\n", mode=0o600)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
