"""Who may see results: a Bearer token, or the same token in a cookie that the login page sets."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Authorization

from webapp.services.errors import RequestRefused, wants_json
from webapp.services.services import services
from webapp.services.tokens import Scope, Tokens

blueprint = Blueprint("access", __name__)

COOKIE = "yesladder_token"
_COOKIE_SECONDS = 30 * 86400
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

P = ParamSpec("P")


def bearer_allows(tokens: Tokens, authorization: Authorization | None, scope: Scope) -> bool:
    """Does a request carry a Bearer token of this scope? Raises RequestRefused 401 when it carries a wrong one."""
    if authorization is None or authorization.type != "bearer":
        return False
    if not tokens.allows(authorization.token or "", scope):
        raise RequestRefused(401, "unauthorized", f"the Bearer token is unknown, revoked, or not of scope `{scope}`")
    return True


def may_read() -> bool:
    """May this request see results?

    Open results are open to a browser on this machine only: a page elsewhere that points its own name at this
    machine does not get them.
    """
    if services().open_results and request.host.rsplit(":", 1)[0] in _LOOPBACK_HOSTS:
        return True
    tokens, cookie = services().tokens, request.cookies.get(COOKIE)
    return bearer_allows(tokens, request.authorization, "read") or (
        cookie is not None and tokens.allows(cookie, "read")
    )


def require_read(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let only those who may read results reach this view; others get 401, or the login page."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if may_read():
            return view(*args, **kwargs)
        if wants_json():
            raise RequestRefused(401, "unauthorized", "results need a Bearer token of scope `read`: `yesladder token`")
        return redirect("/login?next=" + quote(request.full_path.rstrip("?"), safe="/"))

    return guarded


@blueprint.get("/login")
def login() -> str:
    """The page that asks for a token."""
    return render_template("login.html", next=_local(request.args.get("next", "")), refused=False)


@blueprint.post("/login")
def log_in() -> Response:
    """Keep the token in a cookie that scripts cannot read, and go where the visitor was going."""
    secret = request.form.get("token", "").strip()
    target = _local(request.form.get("next", ""))
    if not services().tokens.allows(secret, "read"):
        response = make_response(render_template("login.html", next=target, refused=True), 401)
    else:
        response = make_response(redirect(target, 303))
        response.set_cookie(
            COOKIE, secret, max_age=_COOKIE_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure
        )
    return response


@blueprint.post("/logout")
def log_out() -> Response:
    """Forget the token in this browser."""
    response = make_response(redirect("/login", 303))
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    return response


def _local(target: str) -> str:
    """A path of this site, or its front page: a login never sends its visitor elsewhere."""
    plain = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if plain else "/"
