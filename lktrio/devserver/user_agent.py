"""What a browser is, by the User-Agent header of its request.

Clients in browsers do not say it in their request to join. Only what a rule about clients asks for
is recognised: Safari on a desk, Firefox, Linux and Android.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lktrio import proto

__all__ = ["with_user_agent"]

_MAX_USER_AGENT = 512
_Sdk = proto.ClientInfo.SDK
_IN_BROWSERS = (_Sdk.UNKNOWN, _Sdk.JS, _Sdk.REACT_NATIVE, _Sdk.FLUTTER, _Sdk.UNITY)
_BROWSERS = (
    ("Firefox Mobile", re.compile(r"(?:Mobile|Tablet);[^)]*\) Gecko/[0-9.]+ Firefox/([0-9.]+)$")),
    ("Firefox", re.compile(r"\) Gecko/[0-9.]+ Firefox/([0-9.]+)$")),
    ("Safari", re.compile(r"\(KHTML, like Gecko\) Version/([0-9.]+) Safari/[0-9.]+$")),
)
_SYSTEMS = (("Android", re.compile(r"\bAndroid\b")), ("Linux", re.compile(r"\(X11; Linux\b")))


def with_user_agent(client: proto.ClientInfo, user_agent: str) -> proto.ClientInfo:
    """Fill in what a client in a browser left out.

    Args:
        client: What it says.
        user_agent: The header.
    """
    if client.sdk not in _IN_BROWSERS:
        return client
    text = user_agent[:_MAX_USER_AGENT]
    browser, version = client.browser, client.browser_version
    if not browser:
        browser, version = _browser(text)
    return replace(client, browser=browser, browser_version=version, os=client.os or _system(text))


def _browser(text: str) -> tuple[str, str]:
    for name, pattern in _BROWSERS:
        found = pattern.search(text)
        if found is not None:
            return name, found[1]
    return "", ""


def _system(text: str) -> str:
    return next((name for name, pattern in _SYSTEMS if pattern.search(text)), "")
