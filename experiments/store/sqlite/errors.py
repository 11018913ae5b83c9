"""SqliteTrouble: what went wrong with a database file, in words for whoever runs the site."""

import sqlite3

_WORDS = {
    sqlite3.SQLITE_IOERR_SHMSIZE: "the disk is full, or lets no file grow",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
    sqlite3.SQLITE_READONLY: "it may not be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; it must be a file, in a folder that may be written",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is damaged, or no database",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NOT_WRITTEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def in_words(trouble: BaseException) -> str:
    """What happened, and in brackets how SQLite says it."""
    if isinstance(trouble, OSError):
        return trouble.strerror or str(trouble)  # without the whole path: anybody may ask whether the site is ready
    words = _WORDS.get(_extended_code(trouble)) or _WORDS.get(_code(trouble))
    return f"{words} ({trouble})" if words else str(trouble)


def is_damage(trouble: BaseException) -> bool:
    """Does SQLite say that the content is not what it wrote?"""
    return _code(trouble) in _DAMAGED


def is_unwritten(trouble: BaseException) -> bool:
    """Did the disk refuse, so that what was written last may be there, or not, or in part?"""
    return _code(trouble) in _NOT_WRITTEN


def is_recovery(trouble: BaseException) -> bool:
    """Must a connection that may write first put right what a crash left behind?"""
    return _code(trouble) == sqlite3.SQLITE_READONLY


def _code(trouble: BaseException) -> int:
    """SQLite's primary result code; 0 when it is not SQLite who speaks."""
    return _extended_code(trouble) & 0xFF


def _extended_code(trouble: BaseException) -> int:
    return int(getattr(trouble, "sqlite_errorcode", 0))
