"""create_app: one site as a WSGI application. The only place that puts its parts together."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.datastructures import Headers
from werkzeug.routing import RequestRedirect

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
from webapp.server.rsgi import answering_part
from webapp.services import access
from webapp.services.errors import register_errors
from webapp.services.services import Services, services
from webapp.services.tokens import Tokens
from webapp.wire import health, ofrep, segment
from webapp.wire.exchange import PAGE_SECURITY, SECURITY, Request, sharing
from webapp.wire.json_body import MAX_BODY_BYTES
from webapp.wire.segment import Judged


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
    for module in (snippet, health, access, home, results, times, plan_page, live, preview, visitor):
        app.register_blueprint(module.blueprint)
    if demo_site:
        app.register_blueprint(demo.blueprint)
    prepare(app)
    register_errors(app)
    for part in (ofrep, segment):
        for method, rule in part.ROUTES:
            app.add_url_rule(rule, part.__name__, methods=[method])
    app.before_request(lambda: services().refresh_catalog())
    app.before_request(_by_wire)
    app.after_request(_secure)
    return app


def _by_wire() -> Response | None:
    """The wire for whoever runs this application by itself: what `rsgi` answers on its loop, here in a thread."""
    answering = answering_part(request.path)
    if answering is None or isinstance(request.routing_exception, RequestRedirect):
        return None
    request.max_content_length = sys.maxsize  # the wire has a limit of its own, and words for it
    raw, site = request.stream.read(MAX_BODY_BYTES + 1), services()
    asked = Request(request.method, request.path, request.headers, raw, request.scheme)
    found = answering(asked, site)
    if isinstance(found, Judged):
        try:
            site.log.append(found.events, found.refusals)
            found = segment.told(asked, site, found)
        except Exception as trouble:
            found = segment.failed(asked, site, trouble)
    response = Response(found.body, found.status)
    response.headers = Headers(found.headers)
    return response


def _secure(response: Response) -> Response:
    """Headers that keep a page from running, showing or sending anything that is not its own."""
    if response.location and request.path.startswith((ofrep.PREFIX, segment.PREFIX)):
        response.headers.extend(sharing(services().site.settings, request.method, request.headers))  # a doubled slash
    page = PAGE_SECURITY if response.mimetype == "text/html" else ()
    for name, value in (*SECURITY, *page):
        response.headers.setdefault(name, value)
    return response
