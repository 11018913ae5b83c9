"""The one place where an error becomes an HTTP answer: JSON for machines, a page for people."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from experiments.definition.unknown import NotStarted, Unknown
from experiments.store.event_log import QueueFull
from experiments.store.store import StoreUnavailable
from webapp.services.tokens import TokensUnreadable

UNAVAILABLE_SECONDS = 5  # Retry-After when the store is down
QUEUE_SECONDS = 1  # Retry-After when it is only busy

_logger = logging.getLogger("yesladder")


class WireError(Exception):
    """A request that is not answered with what it asked for: `code` is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def register_errors(app: Flask) -> None:
    """Answer every exception that leaves a view of this app."""
    app.register_error_handler(Exception, _answer)


def _answer(error: Exception) -> Response:
    if isinstance(error, WireError):
        return _response(error.status, error.code, error.message)
    if isinstance(error, QueueFull | StoreUnavailable | TokensUnreadable):
        response = _response(503, "unavailable", str(error))
        response.headers["Retry-After"] = str(QUEUE_SECONDS if isinstance(error, QueueFull) else UNAVAILABLE_SECONDS)
        return response
    if isinstance(error, Unknown | NotStarted):
        return _response(404, "not-found", str(error))
    if isinstance(error, HTTPException):
        return _http(error)
    _logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return _response(500, "internal-error", "This is a fault of yesladder; its log says more.")


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return make_response(error.get_response())
    response = _response(error.code, (error.name or "error").lower().replace(" ", "-"), error.description or "")
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _response(status: int, code: str, message: str) -> Response:
    if request.path.startswith("/ofrep/"):
        response = jsonify(_evaluation_failure(status, code, message))
    elif wants_json():
        response = jsonify(success=False, code=code, message=message)
    else:
        response = make_response(render_template("error.html", status=status, message=message))
    response.status_code = status
    return response


def _evaluation_failure(status: int, code: str, message: str) -> dict[str, Any]:
    """The failure body of OFREP: an OpenFeature error code, always with details, with the key where one was asked."""
    known = code if code.isupper() else {400: "PARSE_ERROR", 404: "FLAG_NOT_FOUND"}.get(status, "GENERAL")
    key = (request.view_args or {}).get("key")
    return ({"key": key} if key else {}) | {"errorCode": known, "errorDetails": message}


def wants_json() -> bool:
    """Does a program ask? The wire always, other paths by their name or by what the request accepts."""
    if request.path.startswith(("/ofrep/", "/v1/", "/api/", "/livez", "/readyz")) or request.path.endswith(".json"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"
