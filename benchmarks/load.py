"""Load: requests sent to a server on loopback, on many connections of one thread."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """Requests on so many connections of one thread, each sending the next when the last is answered."""

    port: int
    requests: Iterator[bytes]
    connections: int
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    again: deque[bytes] = field(default_factory=deque)
    done: list[bytes] = field(default_factory=list)

    def run(self, seconds: float) -> float:
        """Send for so long or until all is sent, wait for the last answers, and say how many seconds it took."""
        selector = selectors.DefaultSelector()
        under_way: dict[socket.socket, bytes] = {}
        begun = time.perf_counter()
        try:
            for _ in range(self.connections):
                one = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(one, selectors.EVENT_READ)
                self._send(one, under_way)
            while under_way and time.perf_counter() < begun + seconds + 30:
                for key, _ in selector.select(30):
                    one = key.fileobj
                    assert isinstance(one, socket.socket)
                    self._answered(answer_on(one), under_way.pop(one))
                    if time.perf_counter() < begun + seconds:
                        self._send(one, under_way)
            return time.perf_counter() - begun
        finally:
            for key in list(selector.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()
            selector.close()

    def _send(self, one: socket.socket, under_way: dict[socket.socket, bytes]) -> None:
        request = self.again.popleft() if self.again else next(self.requests, None)
        if request is not None:
            one.sendall(request)
            under_way[one] = request

    def _answered(self, answer: bytes, request: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        self.statuses[status] += 1
        if status != 200 or b'"refused":0' not in body:
            self.refusals[body.decode()] += 1
        if status == 200:
            self.done.append(request)
        else:
            self.again.append(request)


def answer_on(one: socket.socket) -> bytes:
    """The next answer on this connection. Ends the benchmark when the server closed it."""
    answer = b""
    while not (end := answer.find(b"\r\n\r\n") + 4) > 3 or len(answer) < end + _length(answer[:end]):
        part = one.recv(65536)
        if not part:
            raise SystemExit("the server closed a connection")
        answer += part
    return answer


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
