"""serve: one site over HTTP, by granian, in several worker processes."""

import errno
import ipaddress
import json
import os
import signal
import socket
import time
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from experiments.site.site import Site
from experiments.store.event_log import CAPACITY, WAITING_REQUESTS
from webapp.server.rsgi import THREADS

BACKPRESSURE = WAITING_REQUESTS + 2 * THREADS  # requests that one worker holds; more wait in the kernel's queue
BACKLOG = 1024
PORT_SECONDS = 3.0  # how long a restart waits for the port of the server that it replaces
STOP_SECONDS = 20  # a worker that does not end by itself is killed then; nothing it acknowledged is lost


class ServeRefused(Exception):
    """The site is not served like this; the message says why and what to do instead."""


def serve(
    site_path: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int | None = None,
    open_results: bool = False,
    capacity: int = CAPACITY,
    demo_site: bool = False,
) -> None:
    """Serve the site until interrupted. `workers` None: one for each processor.

    `open_results` shows results without a token, on loopback only. `capacity`: events that may wait for the disk in
    one worker; beyond it the answer is 503. `demo_site` adds the pages under /demo/. Raises ServeRefused, and SiteError
    for a folder that is no site.
    """
    if open_results and not is_loopback(host):
        raise ServeRefused(
            f"results are shown without a token on loopback only, not on {host}; "
            "serve there with a token: `yesladder token SITE --scope read`"
        )
    # not before it is served: a worker is all the pages; and before the workers fork: they share its memory
    from webapp.server.worker import ENVIRONMENT  # noqa: PLC0415

    Site.open(site_path)
    address = _free_address(host, port)
    given = {"open_results": open_results, "capacity": capacity, "demo_site": demo_site}
    os.environ[ENVIRONMENT] = json.dumps({"master": os.getpid(), "site_path": str(site_path.resolve()), **given})
    os.register_at_fork(after_in_child=_forget_handlers)
    Server(
        "webapp.server.worker:make",
        factory=True,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers or os.cpu_count() or 1,
        backpressure=BACKPRESSURE,
        backlog=BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
    ).serve()


def _forget_handlers() -> None:
    """The master's handlers end nothing in a worker: until it has its own, a signal to end it must end it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _free_address(host: str, port: int) -> str:
    """The IP address of this host, once nobody listens there on this port.

    The workers share their port, so the system itself would let a second server take half of another's requests.
    Raises ServeRefused after PORT_SECONDS, or at once for a wrong host.
    """
    end = time.monotonic() + PORT_SECONDS
    while True:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return str(address[0])
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise ServeRefused(f"cannot listen on {host} port {port}: {error.strerror}; choose another") from error
        time.sleep(0.1)


def is_loopback(host: str) -> bool:
    """Can only this machine reach a server on this host?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
