"""Device class and robots from a User-Agent."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from webapp.wire import user_agent as device
from webapp.wire.user_agent import Device, browser_user_agent, device_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0{} Safari/537.36"
)
APPLE = (
    "Mozilla/5.0 ({} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        pytest.param(CHROME, Device("desktop", False), id="windows"),
        pytest.param(
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Tablet PC 2.0)",
            Device("desktop", False),
            id="tablet-pc",
        ),
        pytest.param(ANDROID.format(" Mobile"), Device("phone", False), id="android-phone"),
        pytest.param(ANDROID.format(""), Device("tablet", False), id="android-tablet"),
        pytest.param(APPLE.format("iPhone; CPU iPhone OS 17_5"), Device("phone", False), id="iphone"),
        pytest.param(APPLE.format("iPad; CPU OS 17_5"), Device("tablet", False), id="ipad"),
        pytest.param(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Device(None, True),
            id="googlebot",
        ),
        pytest.param("python-requests/2.34.2", Device(None, False), id="program"),
        pytest.param("", Device(None, False), id="empty"),
    ],
)
def test_what_a_user_agent_tells(user_agent: str, expected: Device) -> None:
    assert device_of(user_agent) == expected


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        pytest.param({"User-Agent": CHROME, "Origin": "https://shop.example"}, True, id="page"),
        pytest.param({"User-Agent": CHROME, "Sec-Fetch-Mode": "cors"}, True, id="fetch"),
        pytest.param({"User-Agent": CHROME}, False, id="program-that-says-mozilla"),
        pytest.param({"User-Agent": "node", "Origin": "https://shop.example"}, False, id="program-with-origin"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_only_a_browser_speaks_for_its_visitor(headers: dict[str, str], told: bool) -> None:
    assert browser_user_agent(Headers(headers)) == (CHROME if told else None)


def test_a_hostile_user_agent_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patterns take quadratic time on some texts, so they never see a long one."""
    read: list[str] = []
    monkeypatch.setattr(device, "_parsed", lambda user_agent: read.append(user_agent) or Device(None, bot=False))
    device_of("Linux; U; Android 2.2; en-us; " * 1_000)
    assert [len(user_agent) for user_agent in read] == [512]
