"""Which kind of device is this, and is it a robot? Read from a User-Agent."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

DeviceClass = Literal["desktop", "tablet", "phone"]

_LONGEST = 512  # characters of a User-Agent that are read: the patterns take quadratic time on hostile ones
_DESKTOP_SYSTEMS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD")


class RequestHeaders(Protocol):
    """What a request says of itself; names in any case."""

    def __contains__(self, name: str, /) -> bool: ...
    def get(self, name: str, default: str, /) -> str: ...
    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Device:
    """What a User-Agent tells. `device` None: it does not say (a program, a television, a games console)."""

    device: DeviceClass | None
    bot: bool


def device_of(user_agent: str) -> Device:
    """The device class and robot mark of a User-Agent; bots are those that say so."""
    return _parsed(user_agent[:_LONGEST])


@lru_cache(maxsize=4096)
def _parsed(user_agent: str) -> Device:
    import ua_parser  # noqa: PLC0415  # its patterns load with the first event that carries a User-Agent

    parsed = ua_parser.parse(user_agent)
    if parsed.device is not None and parsed.device.family == "Spider":
        return Device(None, bot=True)
    return Device(_class(user_agent, parsed.os.family if parsed.os else ""), bot=False)


def browser_user_agent(headers: RequestHeaders) -> str | None:
    """The request's own User-Agent when a browser sent it; None when a program did, on behalf of nobody we know."""
    user_agent = headers.get("User-Agent", "")
    if not user_agent.startswith("Mozilla/"):
        return None
    from_page = any(name in headers for name in ("Sec-Fetch-Mode", "Sec-Fetch-Site", "Origin"))
    return user_agent if from_page else None


def _class(user_agent: str, system: str) -> DeviceClass | None:
    if any(word in user_agent for word in ("iPad", "Kindle", "; Tablet;")):
        return "tablet"
    if system == "Android":  # Android's own rule: phones say Mobile, tablets do not
        return "phone" if "Mobile" in user_agent else "tablet"
    if system == "iOS" or "Mobile" in user_agent:
        return "phone"
    return "desktop" if system in _DESKTOP_SYSTEMS else None
