"""The client's side of SOCKS5, without input and output.

Implements: RFC 1928 (SOCKS5, CONNECT), RFC 1929 (user name and password), by socksio, which packs
and unpacks the messages. It wants each message whole, so the length of each is found here; and what
is asked for is never more than the message that is waited for, as the server may speak as soon as
the proxy has said yes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, cast

from socksio import ProtocolError as SocksProtocolError
from socksio import (
    SOCKS5AType,
    SOCKS5AuthMethod,
    SOCKS5AuthMethodsRequest,
    SOCKS5AuthReply,
    SOCKS5Command,
    SOCKS5CommandRequest,
    SOCKS5Connection,
    SOCKS5Reply,
    SOCKS5ReplyCode,
    SOCKS5UsernamePasswordRequest,
)
from socksio.socks5 import SOCKS5UsernamePasswordReply

from lktrio._proxies import Proxy
from lktrio.errors import ProxyFailed

__all__ = ["SocksSteps", "socks_handshake"]

SocksSteps: TypeAlias = Generator[tuple[bytes, int], bytes, None]
"""Yields what to send, and how many bytes to read then; wants exactly these."""

_VERSION = 5
_SHORT = 2  # bytes of the answers about authentication
_REPLY_HEAD = 5  # bytes of a reply up to the first of its address
_ADDRESS_SIZES = {  # bytes of a reply behind that; a name begins with its length
    SOCKS5AType.IPV4_ADDRESS.value: 3 + 2,
    SOCKS5AType.IPV6_ADDRESS.value: 15 + 2,
}
_REFUSALS = {
    SOCKS5ReplyCode.GENERAL_SERVER_FAILURE: "general failure",
    SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET: (
        "its rules do not allow it: ask for host and port to be allowed there"
    ),
    SOCKS5ReplyCode.NETWORK_UNREACHABLE: "it cannot reach the server's network",
    SOCKS5ReplyCode.HOST_UNREACHABLE: "it cannot reach the server: check the server's URL",
    SOCKS5ReplyCode.CONNECTION_REFUSED: "the server refused it: check the server's URL",
    SOCKS5ReplyCode.TTL_EXPIRED: "the server did not answer it: check the server's URL",
    SOCKS5ReplyCode.COMMAND_NOT_SUPPORTED: "it cannot open connections",
    SOCKS5ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED: "it takes no addresses of this kind",
}


def socks_handshake(proxy: Proxy, host: str, port: int) -> SocksSteps:
    """Ask a SOCKS proxy to connect to a host.

    Args:
        proxy: The proxy.
        host: Name or address of the server, without brackets.
        port: Its port.

    Raises:
        ProxyFailed: The proxy refuses, or its answer makes no sense.
    """
    connection = SOCKS5Connection()
    try:
        yield from _authenticate(connection, proxy)
        request = SOCKS5CommandRequest.from_address(SOCKS5Command.CONNECT, (host, port))
        reply = connection.receive_data((yield from _read_reply(_packed(connection, request))))
    except SocksProtocolError as error:
        raise ProxyFailed(
            f"{proxy} does not answer as SOCKS5 has it: check its port, and whether its URL should "
            "start with http://",
            proxy=proxy.place,
        ) from error
    assert isinstance(reply, SOCKS5Reply)
    if reply.reply_code is not SOCKS5ReplyCode.SUCCEEDED:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        problem = _REFUSALS[reply.reply_code]
        raise ProxyFailed(f"{proxy} refused to connect to {place}: {problem}", proxy=proxy.place)


def _authenticate(connection: SOCKS5Connection, proxy: Proxy) -> SocksSteps:
    methods = [SOCKS5AuthMethod.NO_AUTH_REQUIRED]
    if proxy.has_credentials:
        methods.append(SOCKS5AuthMethod.USERNAME_PASSWORD)
    answer = yield _packed(connection, SOCKS5AuthMethodsRequest(methods)), _SHORT
    if answer[0] != _VERSION:
        raise SocksProtocolError("another version")
    chosen = connection.receive_data(answer)
    assert isinstance(chosen, SOCKS5AuthReply)
    if chosen.method not in methods:
        raise _unauthorised(proxy)
    if chosen.method is SOCKS5AuthMethod.USERNAME_PASSWORD:
        credentials = (proxy.username.encode(), proxy.password.encode())
        request = SOCKS5UsernamePasswordRequest(*credentials)
        verdict = connection.receive_data((yield _packed(connection, request), _SHORT))
        assert isinstance(verdict, SOCKS5UsernamePasswordReply)
        if not verdict.success:
            raise _unauthorised(proxy)


def _unauthorised(proxy: Proxy) -> ProxyFailed:
    if proxy.has_credentials:
        problem = "refused the user name or the password in the URL of the proxy"
    else:
        problem = (
            "asks for a user name and a password: put them into the URL of the proxy, as in "
            "socks5://name:password@proxy.example.com:1080"
        )
    return ProxyFailed(f"{proxy} {problem}", proxy=proxy.place, permanent=True)


def _packed(
    connection: SOCKS5Connection,
    request: SOCKS5AuthMethodsRequest | SOCKS5UsernamePasswordRequest | SOCKS5CommandRequest,
) -> bytes:
    cast("Any", connection).send(request)  # its overloads are declared in a way nobody can read
    return connection.data_to_send()


def _read_reply(request: bytes) -> Generator[tuple[bytes, int], bytes, bytes]:
    """Send a request; the reply, whole: its length depends on the kind of the address in it."""
    head = yield request, _REPLY_HEAD
    kind = head[3:4]
    if head[0] != _VERSION or (kind != SOCKS5AType.DOMAIN_NAME and kind not in _ADDRESS_SIZES):
        raise SocksProtocolError("no such reply")
    rest = _ADDRESS_SIZES.get(kind, head[4] + 2)
    return head + (yield b"", rest)
