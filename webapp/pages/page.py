"""Pages: what all pages for people share: the words templates may use, and answers that a browser can check cheaply."""

from datetime import datetime

from flask import Flask, Response, make_response, render_template, request

from webapp.services.services import services
from webapp.words import formatting, sentences, vocabulary
from webapp.words.formatting import Formatting

_WORDS = {
    formatting: "breakable calendar_day count duration extent lift listing percent points probability rate things",
    sentences: "fit say spoken",
    vocabulary: "left_out refusal shown_state STATES SIGNS STATUSES HEALTH GROUPS KINDS GRADES TERMS",
}
"""What every template may use."""


def prepare(app: Flask) -> None:
    """Give the app's templates their words."""
    for module, names in _WORDS.items():
        app.jinja_env.globals.update({name: getattr(module, name) for name in names.split()})
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def site_formatting() -> Formatting:
    """How the site of this request writes times and money."""
    return Formatting.of(services().site.settings)


def this_minute() -> datetime:
    """This minute: reloading within it finds the same page, and what was received before it is on disk by now."""
    return services().clock().replace(second=0, microsecond=0)


def page(template: str, **values: object) -> Response:
    """A page that the browser asks about each time, and that is sent only when it changed."""
    return as_data(make_response(render_template(template, formatting=site_formatting(), **values)))


def as_data(response: Response) -> Response:
    """An answer that is asked about each time, and sent only when it changed."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)  # changes it in place
    return response


def as_file(text: str) -> Response:
    """Lines of CSV (see `as_csv`) for a spreadsheet."""
    return as_data(Response(text, mimetype="text/csv"))
