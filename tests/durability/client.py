"""Client: a visitor's browser that sends the same events again until they are acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

WRITE_KEY = "wk_durable"
AGAIN_SECONDS = 0.05


class Client(threading.Thread):
    """Sends one request after another until told to stop, and then the last one until it is acknowledged, too.

    `variant_of` says what a visitor was assigned; `pause` seconds lie between requests. `on_acknowledged` hears of
    the message ids of each answer with 200. What it must not get is in `wrong`.
    """

    def __init__(
        self,
        name: str,
        port: int,
        variant_of: Callable[[str], str],
        pause: float = 0.01,
        on_acknowledged: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.port = port
        self.variant_of = variant_of
        self.pause = pause
        self.on_acknowledged = on_acknowledged
        self.acknowledged: list[str] = []
        self.sent_again = 0
        self.wrong: list[str] = []
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            items = list(self._items(number))
            body = json.dumps({"writeKey": WRITE_KEY, "batch": items})
            while not self._accepted(body):
                self.sent_again += 1
                time.sleep(AGAIN_SECONDS)
            messages = [item["messageId"] for item in items]
            self.acknowledged += messages
            self.on_acknowledged(messages)
            number += 1
            time.sleep(self.pause)
        self._hang_up()

    def stop(self) -> None:
        """Send no more. The server must run until it has answered: raises AssertionError when it does not in time."""
        self._stopping.set()
        self.join(60)
        assert not self.is_alive(), f"{self.name} was not answered"

    def _accepted(self, body: str) -> bool:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            self._connection.request("POST", "/v1/batch", body)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return False
        if response.status == 200:
            if json.loads(text)["refused"]:
                self.wrong.append(text.decode())
            return True
        if response.status != 503 or not response.getheader("Retry-After"):
            self.wrong.append(f"{response.status} {text.decode()}")
        return False

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _items(self, number: int) -> Iterator[dict[str, Any]]:
        """A visitor of two requests, who is exposed, acts, and on every third one is known by a second id."""
        visitor = f"{self.name}-{number // 2}"
        exposure = {"experiment_id": "contact-form", "variation_id": self.variant_of(visitor)}
        yield _track(visitor, f"{self.name}-{number}-x", "Experiment Viewed", exposure)
        yield _track(visitor, f"{self.name}-{number}-f", "form_started", {})
        if number % 3 == 0:
            joined = {"type": "identify", "userId": f"user-{visitor}", "anonymousId": visitor}
            yield joined | {"messageId": f"{self.name}-{number}-j"}
        yield _track(visitor, f"{self.name}-{number}-q", "quote_requested", {"revenue": number % 50})


def _track(visitor: str, message: str, event: str, properties: dict[str, Any]) -> dict[str, Any]:
    what = {"type": "track", "event": event, "properties": properties}
    return what | {"anonymousId": visitor, "messageId": message}
