"""create_app: one site as a WSGI application. The only place that puts its parts together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, Response, request

from experiments.site.catalog import Catalog
from experiments.site.site import Site
from experiments.store.event_log import CAPACITY, EventLog
from experiments.store.exposure_queue import ExposureQueue
from experiments.store.sqlite.engine import open_store
from experiments.store.store import Store
from webapp.browser import snippet_routes as snippet
from webapp.demo import pages as demo
from webapp.pages import live, preview
from webapp.pages.experiment import result_routes as results
from webapp.pages.home import home
from webapp.pages.page import prepare
from webapp.pages.plan import plan_routes as plan_page
from webapp.pages.time_to_convert import time_to_convert_routes as times
from webapp.pages.visitor import visitor_routes as visitor
from webapp.services import access
from webapp.services.errors import register_errors
from webapp.services.services import Services, services
from webapp.services.tokens import Tokens
from webapp.wire import health, ofrep, segment
from webapp.wire.exchange import EXPOSED_HEADERS
from webapp.wire.json_body import MAX_BODY_BYTES

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_logger = logging.getLogger("yesladder")
_CORS_METHODS = "GET, POST, OPTIONS"
_CORS_HEADERS = "Content-Type, If-None-Match, Authorization, X-API-Key"


def now_utc() -> datetime:
    """The clock of a served site."""
    return datetime.now(UTC)


def create_app(
    site_path: Path,
    clock: Callable[[], datetime] = now_utc,
    store: Store | None = None,
    open_results: bool = False,
    capacity: int = CAPACITY,
    demo_site: bool = False,
) -> Flask:
    """The application that serves the site in this folder.

    `store` None means the site's own, which opens its file when first used. `open_results` shows results without a
    token. `capacity` bounds the events that may wait for the disk. `demo_site` adds the garage-door repair service
    under /demo/. Raises SiteError for a folder that is no site.
    """
    site = Site.open(site_path)
    catalog = Catalog(site_path, clock)
    if store is None:
        store = open_store(site.database, phases=catalog.phases, durability=site.settings.durability, clock=clock)
    log = EventLog(store, capacity)
    app = Flask("webapp")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # answers are written in the order a reader wants them
    app.extensions["yesladder"] = Services(
        site=site,
        catalog=catalog,
        log=log,
        exposures=ExposureQueue(log, clock),
        tokens=Tokens(site_path),
        clock=clock,
        open_results=open_results,
    )
    for module in (ofrep, segment, snippet, health, access, home, results, times, plan_page, live, preview, visitor):
        app.register_blueprint(module.blueprint)
    if demo_site:
        app.register_blueprint(demo.blueprint)
    prepare(app)
    register_errors(app)
    app.before_request(_refresh_catalog)
    app.after_request(_secure)
    app.after_request(_share_with_origins)
    return app


def _refresh_catalog() -> None:
    """Take up changed config files. When the record of phases cannot be written, what was in force stays in force."""
    try:
        services().catalog.refresh()
    except OSError:
        _logger.exception("changed config files are not in force: the record of phases cannot be written")


def _secure(response: Response) -> Response:
    """Headers that keep a page from running, showing or sending anything that is not its own."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _share_with_origins(response: Response) -> Response:
    """CORS for the wire: the origins that the site allows may call from a browser, and no other."""
    if not request.path.startswith(("/ofrep/", "/v1/")):
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    allowed = services().site.settings.allowed_origins
    if origin is None or not (origin in allowed or "*" in allowed):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = _CORS_METHODS
        response.headers["Access-Control-Allow-Headers"] = _CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
    return response
