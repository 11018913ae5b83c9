"""serve, token: answering pages and servers over HTTP, and the secrets for what not everybody may do."""

import contextlib
import errno
import socket
from datetime import UTC, datetime
from pathlib import Path

import click

from webapp.commands.shared.opened_site import SITE, require_site
from webapp.services.tokens import Tokens


@click.command()
@SITE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is all of them.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Processes that answer; one for each processor if not given.")
def serve(folder: Path, host: str, port: int, workers: int | None) -> None:
    """Serve SITE: assignments, events and result pages, until interrupted.

    Result pages ask for a token of scope `read` (yesladder token SITE --scope read).
    """
    from webapp.server.serve import serve as run

    require_site(folder)
    require_free(host, port)
    click.echo(f"Serving {folder} at http://{at(host, port)}/ until Ctrl-C.")
    run(folder, host, port, workers)


@click.command()
@SITE
@click.option(
    "--scope",
    type=click.Choice(["read", "ingest"]),
    help="What the new token allows: to read results, or to bring in events with receipt times of their own.",
)
@click.option("--note", default="", help="Who or what it is for.")
@click.option("--revoke", metavar="ID", help="End the token with this id instead.")
def token(folder: Path, scope: str | None, note: str, revoke: str | None) -> None:
    """Make a token for SITE, list its tokens, or end one.

    A new token is shown this once and kept as a hash only. Without options the tokens are listed.
    """
    require_site(folder)
    tokens = Tokens(folder)
    if scope and revoke:
        raise click.UsageError("--scope makes a token and --revoke ends one: give one of them.")
    if revoke:
        if not tokens.revoke(revoke):
            known = ", ".join(one.id for one in tokens.all()) or "none"
            raise click.ClickException(f"there is no token {revoke!r}; the tokens of this site are: {known}")
        click.echo(f"Token {revoke} ended.")
    elif scope:
        click.echo(tokens.create("read" if scope == "read" else "ingest", note, datetime.now(UTC)))
    else:
        for one in tokens.all():
            click.echo(f"{one.id}  {one.scope:6}  made {one.created_at}  {one.note}".rstrip())
        if not tokens.all():
            click.echo("This site has no tokens.", err=True)


def require_free(host: str, port: int) -> None:
    """Raise a usage error, naming a free port, when something listens here already, or this address is not ours."""
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"cannot listen on {at(host, port)}: {error.strerror or error}") from None
        free = next_free(host, port + 1)
        hint = f" Port {free} is free: --port {free}" if free else ""
        raise click.ClickException(f"port {port} is taken by another program.{hint}") from None


def next_free(host: str, port: int) -> int | None:
    """The first free port from this one on, None when there is none among the next hundred."""
    for candidate in range(port, min(port + 100, 65536)):
        with contextlib.suppress(OSError):
            _bind(host, candidate)
            return candidate
    return None


def at(host: str, port: int) -> str:
    """Host and port as an address has them, such as 127.0.0.1:8000; IPv6 hosts in brackets: [::1]:8000."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(host: str, port: int) -> None:
    """Take the port and let it go. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
