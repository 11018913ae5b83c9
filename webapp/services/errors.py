"""RequestRefused: why a request does not get what it asked for; and how the pages say so."""

import logging

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from experiments.definition.unknown import NotStarted, Unknown
from experiments.store.event_log import QueueFull
from experiments.store.store import StoreUnavailable
from webapp.services.tokens import TokensUnreadable

UNAVAILABLE_SECONDS = 5  # Retry-After when the store is down
QUEUE_SECONDS = 1  # Retry-After when it is only busy

_logger = logging.getLogger("yesladder")


class RequestRefused(Exception):
    """A request that is not answered with what it asked for: `code` is for programs, `message` for people.

    `status`: 400 to 599. `headers`: what HTTP wants to have said with it, names in lower case.
    """

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def refusal_of(trouble: Exception, method: str, path: str) -> RequestRefused:
    """What the sender of this request is told of this exception; what is a fault of ours goes into the log."""
    if isinstance(trouble, RequestRefused):
        return trouble
    if isinstance(trouble, QueueFull | StoreUnavailable | TokensUnreadable):
        seconds = QUEUE_SECONDS if isinstance(trouble, QueueFull) else UNAVAILABLE_SECONDS
        return RequestRefused(503, "unavailable", str(trouble), ("retry-after", str(seconds)))
    if isinstance(trouble, Unknown | NotStarted):
        return RequestRefused(404, "not-found", str(trouble))
    if isinstance(trouble, HTTPException) and trouble.code is not None:
        headers = [(name.lower(), value) for name, value in trouble.get_headers()]
        more = (header for header in headers if header[0] not in ("content-type", "content-length"))
        return RequestRefused(trouble.code, trouble.name.lower().replace(" ", "-"), trouble.description or "", *more)
    _logger.error("%s %s failed", method, path, exc_info=trouble)
    return RequestRefused(500, "internal-error", "This is a fault of yesladder; its log says more.")


def register_errors(app: Flask) -> None:
    """Answer every exception that leaves a view of this app: JSON for programs, a page for people."""
    app.register_error_handler(Exception, _answer)


def _answer(trouble: Exception) -> Response:
    why = refusal_of(trouble, request.method, request.path)
    if wants_json():
        response = jsonify(success=False, code=why.code, message=why.message)
    else:
        response = make_response(render_template("error.html", status=why.status, message=why.message))
    response.status_code = why.status
    for name, value in why.headers:
        response.headers[name] = value
    return response


def wants_json() -> bool:
    """Does a program ask? Told by the path's name, or by what the request accepts."""
    if request.path in ("/livez", "/readyz") or request.path.endswith(".json"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"
