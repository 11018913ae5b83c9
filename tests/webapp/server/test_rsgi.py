"""Front: the wire is answered on the loop, hundreds at a time; what may wait for a disk goes to threads."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from flask import Flask, request
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # as granian documents them
from werkzeug.datastructures import Headers

from experiments.events.event import Event
from experiments.store.event_log import QueueFull
from experiments.store.store import StoreUnavailable
from tests.webapp.server.asked import EVENT, ORIGIN, Asked, answered, batch, context, post
from webapp.server.rsgi import LARGE_BYTES, Front
from webapp.wire.json_body import MAX_BODY_BYTES

FLAGS = "/ofrep/v1/evaluate/flags"


@pytest.fixture
def front(app: Flask) -> Iterator[Front]:
    made = Front(app)
    yield made
    made.threads.shutdown()


def stored(front: Front) -> list[Event]:
    return list(front.services.store.scan())


def test_an_assignment_exposes_behind_the_answer(front: Front) -> None:
    answered(front, post(context(targetingKey="v1"), f"{FLAGS}/contact-form"), post(context(targetingKey="v2"), FLAGS))
    front.services.exposures.close()
    assert [(event.kind, event.visitor, event.experiment) for event in stored(front)] == [
        ("exposure", "v1", "contact-form")
    ]


TROUBLE: dict[str, tuple[Exception, int, str, str | None]] = {
    # what: (the trouble, status, body, Retry-After)
    "disk full": (StoreUnavailable("disk full"), 503, '"code":"unavailable","message":"disk full"', "5"),
    "busy": (QueueFull("busy"), 503, '"code":"unavailable","message":"busy"', "1"),
    "a bug": (
        TypeError("a bug"),
        500,
        '"code":"internal-error","message":"This is a fault of yesladder; its log says more."',
        None,
    ),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["refused at once", "told later"])
@pytest.mark.parametrize("what", TROUBLE)
def test_trouble_is_told_in_the_words_of_the_wire(
    front: Front, what: str, at_once: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trouble, status, body, again = TROUBLE[what]

    def fails(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(*((front.services.log, "hand_in") if at_once else (front.services.store, "append")), fails)
    asked = post(batch(EVENT), origin=ORIGIN)
    answered(front, asked)
    told = dict(asked.told)
    assert (asked.status, asked.answer.decode()) == (status, f'{{"success":false,{body}}}\n')
    assert (told.pop("retry-after", None), told) == (
        again,
        {
            "content-type": "application/json",
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "vary": "Origin",
            "access-control-allow-origin": ORIGIN,
            "access-control-expose-headers": "ETag, Retry-After",
        },
    )
    assert [record.getMessage() for record in caplog.records] == ["POST /v1/batch failed"] * (status == 500)


def test_what_is_refused_is_known_to_the_log_too(front: Front) -> None:
    asked = post(batch(EVENT, 5, {"type": "track", "messageId": "m2", "anonymousId": "v"}))
    answered(front, asked)
    assert front.services.store.refused() == {"invalid": 2}
    assert [event.message_id for event in stored(front)] == ["m1"]


@pytest.mark.parametrize(
    ("asked", "in_a_thread"),
    [
        (post(batch(EVENT)), False),
        (post(batch(EVENT, 5)), False),
        (post(batch(EVENT, key=None), authorization="Basic d2tfdGVzdDo="), False),
        (post(context(targetingKey="v1"), FLAGS), False),
        (post(batch(EVENT), authorization="Bearer x"), True),
        (post(batch(EVENT).ljust(LARGE_BYTES + 1)), True),
        (post("{", content_encoding="gzip"), False),
        (Asked("GET", "/livez"), True),
    ],
    ids=["events", "a bad event", "a user name", "all flags", "a token", "large", "gzip", "a page"],
)
def test_only_what_takes_long_or_reads_the_disk_leaves_the_loop(
    front: Front, asked: Asked, in_a_thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[bool] = []
    by_thread = front._in_thread
    monkeypatch.setattr(front, "_in_thread", lambda *given: (left.append(True), by_thread(*given))[1])
    answered(front, asked)
    assert asked.status
    assert left == [True] * in_a_thread


def test_a_record_that_cannot_be_written_leaves_what_was_in_force(
    front: Front, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(front.services.catalog, "refresh", refuse)
    clock.move(seconds=2)
    asked = post(context(targetingKey="v1"), f"{FLAGS}/contact-form")
    answered(front, asked)
    assert asked.status == 200
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize(
    ("path", "status"),
    [("//v1/batch", 200), ("/v1//batch", 308), (f"{FLAGS}//half", 308), ("/v1", 404), ("/ofrep", 404)],
)
def test_a_doubled_slash_is_mended(front: Front, path: str, status: int) -> None:
    asked = post(batch(EVENT), path, origin=ORIGIN)
    answered(front, asked)
    told = dict(asked.told)
    assert asked.status == status
    assert told.get("access-control-allow-origin") == (None if status == 404 else ORIGIN)
    if status == 308:
        assert told["location"] == "http://127.0.0.1" + path.replace("//", "/")


def test_a_disk_that_does_not_answer_is_told_after_a_while(front: Front) -> None:
    front.services.log.patience = 0.2
    asked = post(batch(EVENT))
    with front.services.store.file.writing():  # type: ignore[attr-defined]  # the store of a site is SQLite's
        answered(front, asked)
    assert asked.status == 503
    assert b"the disk did not answer within 0.2 seconds" in asked.answer
    again = post(batch(EVENT))
    front.services.log.patience = 60
    answered(front, again)
    assert again.status == 200
    assert len(stored(front)) == 1


def test_each_waits_as_long_as_the_others(front: Front) -> None:
    front.services.log.patience = 0.3
    with front.services.store.file.writing():  # type: ignore[attr-defined]  # the store of a site is SQLite's

        async def one_after_the_other() -> list[float]:
            loop, took = asyncio.get_running_loop(), []

            async def ask(number: int) -> None:
                await asyncio.sleep(0.1 * number)
                begun = loop.time()
                asked = post(batch(EVENT | {"messageId": f"n{number}"}))
                await front.__rsgi__(cast(Scope, asked), cast(HTTPProtocol, asked))
                assert asked.status == 503
                took.append(loop.time() - begun)

            await asyncio.gather(*(ask(number) for number in range(4)))
            return took

        with ThreadPoolExecutor(1) as thread:
            took = thread.submit(lambda: asyncio.run(one_after_the_other())).result()
    assert min(took) >= 0.29
    assert front._patience is None


def test_a_client_that_is_gone_is_not_answered_and_its_event_kept(front: Front) -> None:
    asked = post(batch(EVENT))
    asked.gone = True
    answered(front, asked)
    assert asked.status == 0
    assert len(stored(front)) == 1


def test_hundreds_wait_for_the_disk_without_a_thread(front: Front) -> None:
    answered(front, post(batch(EVENT)))
    many = [post(batch(EVENT | {"messageId": f"n{number}"})) for number in range(300)]
    entered, seen = threading.Event(), []
    append = front.services.store.append

    def waits(events: Sequence[Event], refusals: Any = ()) -> Any:
        if not seen:
            assert entered.wait(60)
            seen.append(threading.active_count())
        return append(events, refusals)

    def all_wait() -> None:
        while front.services.log.waiting < 300:
            pass
        entered.set()

    front.services.store.append = waits  # type: ignore[method-assign]
    before = threading.active_count()
    watch = threading.Thread(target=all_wait)
    watch.start()
    answered(front, *many)
    watch.join(60)
    assert {one.status for one in many} == {200}
    assert seen[0] <= before + 2  # the one that watches, and the loop's
    assert len(stored(front)) == 301


def test_a_changed_config_file_is_taken_up(front: Front, clock: Any) -> None:
    catalog = front.services.catalog
    answered(front, post(batch(EVENT)))
    file = front.services.site.path / "experiments" / "drafted.yaml"
    file.write_text(file.read_text("utf-8").replace("status: draft", "status: running"), "utf-8")
    clock.move(seconds=2)
    answered(front, post(batch(EVENT | {"messageId": "m2"})))
    drafted = catalog.get("drafted")
    assert drafted is not None
    assert drafted.status == "running"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (Asked("GET", "/seen/caf\u00e9"), {"path": "/seen/caf\u00e9"}),
        (Asked("GET", "/seen/", query_string="a=%20b&c"), {"query": "a=%20b&c"}),
        (Asked("GET", "/seen/", headers=Headers([("x-b", "1"), ("x-b", "2")])), {"X-B": "1,2"}),
        (Asked("GET", "/seen/", headers=Headers([("cookie", "a=1"), ("cookie", "b=2")])), {"Cookie": "a=1; b=2"}),
        (Asked("GET", "/seen/", headers=Headers([("x_b", "1")])), {"X-B": None}),
        (
            Asked("GET", "/seen/", headers=Headers([("host", "shop.example:81")])),
            {"url": "http://shop.example:81/seen/"},
        ),
        (Asked("GET", "/seen/"), {"client": "127.0.0.9"}),
        (Asked("POST", "/seen/", b"text", Headers({"content-length": "4"})), {"body": "text"}),
        (Asked("POST", "/seen/", b"text", Headers({"transfer-encoding": "chunked"})), {"body": "text"}),
        (Asked("POST", "/seen/", b"no length"), {"body": ""}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_flask_sees_the_request_as_it_was_sent(front: Front, asked: Asked, seen: dict[str, str | None]) -> None:
    def view(name: str = "") -> dict[str, Any]:
        told = {"path": request.path, "query": request.query_string.decode(), "url": request.url}
        more = {"client": request.remote_addr, "body": request.get_data(as_text=True)}
        return {key: (told | more).get(key, request.headers.get(key)) for key in seen}

    front.app.add_url_rule("/seen/", view_func=view, methods=["GET", "POST"])
    front.app.add_url_rule("/seen/<name>", endpoint="named", view_func=view)
    answered(front, asked)
    assert json.loads(asked.answer) == seen


@pytest.mark.parametrize("path", ["/v1/batch", "/ofrep/v1/evaluate/flags"])
@pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}], ids=["length", "chunked"])
def test_what_is_too_large_is_refused_without_being_kept(front: Front, path: str, headers: dict[str, str]) -> None:
    asked = post("x" * (4 * MAX_BODY_BYTES), path)
    if headers:
        del asked.headers["content-length"]
        asked.headers.extend(headers)
    answered(front, asked)
    assert asked.status == 413
    assert asked.read <= MAX_BODY_BYTES + 65_536
