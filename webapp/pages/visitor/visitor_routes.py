"""The page of one visitor: all that is known of one id, in order, and how it was judged."""

from flask import Blueprint, Response, request

from experiments.audit.visitor_history import visitor_history
from experiments.events.event import MAX_ID_LENGTH, VisitorId
from webapp.pages.page import page, site_formatting
from webapp.pages.visitor.visitor_page import refused, visitor_page
from webapp.services.access import require_read
from webapp.services.services import services

blueprint = Blueprint("visitor", __name__)


@blueprint.get("/visitor")
@require_read
def look_up() -> Response:
    """The page of the id in `?id=`, which may be any text; without it, the page that asks for one."""
    return _page(request.args.get("id", "").strip())


@blueprint.get("/visitor/<path:visitor>")
@require_read
def visitor(visitor: str) -> Response:
    """The page of this id."""
    return _page(visitor)


def _page(visitor: str) -> Response:
    worker, formatting = services(), site_formatting()
    known = bool(visitor) and len(visitor) <= MAX_ID_LENGTH
    id_ = VisitorId(visitor)
    found = visitor_history(id_, worker.store.visitor(id_) if known else (), worker.catalog.phases())
    refusals = refused(worker.store, found) if known else []
    shown = visitor_page(found, refusals, worker.clock(), formatting)
    response = page("visitor.html", page=shown, asked=visitor)
    if visitor and not found.events and not refusals and response.status_code == 200:
        response.status_code = 404
    return response
