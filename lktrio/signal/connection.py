"""A signalling connection at work: one reader, one writer, one task that keeps it alive.

Theory of operation: the reader takes every frame off the WebSocket at once, because trio-websocket
answers no pings while its queue is full. It decodes the frame, keeps what concerns the connection
itself (pongs, the newest token, the server's leave), hands an answer to whoever waits for it, and
puts everything else into ``responses``. Nobody but the writer touches the WebSocket for sending:
``send`` queues a finished message, whole or not at all. The third sends a ping every few seconds
and ends the link when the server shows no sign of life for the time that it announced.

The link ends once, for one reason, and everything that waits is told: ``responses`` ends after its
last message, ``send`` and the exchanges raise ``trio.BrokenResourceError``. What to do about it
(resume, join afresh, give up) is decided elsewhere.

A frame that cannot be decoded, or a message of a kind that lktrio does not know, is counted and
ignored: newer servers send some.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import trio
from trio_websocket import ConnectionClosed

from lktrio import proto
from lktrio._text import printable
from lktrio._timeouts import Timeouts
from lktrio.errors import LocalProtocolError, PublishTimeout, RemoteProtocolError, ServerError
from lktrio.proto.codec import decode, encode
from lktrio.signal.liveness import Liveness
from lktrio.signal.options import Resume, SignalVersion
from lktrio.signal.requests import (
    answers,
    data_track_error,
    is_refusal,
    publish_error,
    request_error,
)
from lktrio.signal.websocket import Link

__all__ = [
    "INBOUND_QUEUE",
    "MAX_REQUEST_SIZE",
    "OUTBOUND_QUEUE",
    "LinkEnd",
    "SignalConnection",
    "SignalStatistics",
]

OUTBOUND_QUEUE = 256
"""Requests that may wait for the writer; ``send`` waits then."""
INBOUND_QUEUE = 1024
"""Responses that may wait to be taken from ``responses``; one more ends the link."""
MAX_REQUEST_SIZE = 2 * 1024 * 1024
"""Bytes of a request; LiveKit's server drops the connection at a larger one."""
_FIRST_PROTOCOL_WITH_OK = 15  # older servers answer a request only when they refuse it
_WARNING_PAUSE = 1.0  # seconds between two warnings about damaged messages
_PER_SECOND = 1000  # pings count in milliseconds
_ABNORMAL = (1006, 1009)  # RFC 6455 section 7.4.1; with 1009 we refuse a huge message

_log = logging.getLogger("lktrio.signal")

T = TypeVar("T")
A = TypeVar("A", proto.StoreDataBlobResponse, proto.GetDataBlobResponse)


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """Why a link ended."""

    cause: Literal["left", "closed", "lost", "silent", "overrun"]
    """``left``: we closed it. ``closed``: the server did. ``lost``: the stream broke. ``silent``:
    no sign of life for too long. ``overrun``: ``responses`` was not read."""
    code: int | None = None
    """The close code of the WebSocket (RFC 6455 section 7.4.1), if there was one."""
    text: str = ""
    """What was given as the reason."""

    def __str__(self) -> str:
        code = f" with code {self.code}" if self.code is not None else ""
        return f"{self.cause}{code}{': ' + printable(self.text) if self.text else ''}"


@dataclass(slots=True)
class SignalStatistics:
    """Counts of a connection."""

    received: int = 0
    """Frames."""
    sent: int = 0
    """Requests."""
    undecodable: int = 0
    """Frames that held no SignalResponse."""
    unknown: int = 0
    """Responses that were empty, or of a kind that lktrio does not know."""


class _Waiter(Generic[T]):
    """Somebody who waits for one response."""

    def __init__(self, match: Callable[[proto.SignalResponse], T | None]) -> None:
        self.match = match
        self.found: T | None = None
        self.over = trio.Event()

    def takes(self, response: proto.SignalResponse) -> bool:
        """Whether this is the response that was waited for."""
        if self.over.is_set():
            return False
        self.found = self.match(response)
        if self.found is not None:
            self.over.set()
        return self.found is not None


class SignalConnection:
    """A connection to the signalling of a LiveKit server, made by `open_signal`.

    Attributes:
        version: ``v1`` (one peer connection) or ``v0`` (two).
        token: The newest access token; the one to reconnect with.
        join: The server's answer to a join; None when a session was resumed. After a resume it
            says that the server made a new session in place of it.
        reconnect: The server's answer to a resume; None when a room was joined, and when a server
            resumes without saying so.
        server_leave: The server's last ``leave``: what it wants us to do, and why.
        close_reason: Why the link ended; None as long as it has not.
        responses: Everything else from the server, in order; ends cleanly with the link.
        round_trip_time: Of the last ping, in seconds; None before the first answer.
        statistics: Counts.
    """

    def __init__(
        self,
        link: Link,
        version: SignalVersion,
        token: str,
        *,
        resume: Resume | None,
        timeouts: Timeouts,
        wall_time: Callable[[], float],
    ) -> None:
        self.version: SignalVersion = version
        self.token = token
        self.join: proto.JoinResponse | None = None
        self.reconnect: proto.ReconnectResponse | None = None
        self.server_leave: proto.LeaveRequest | None = None
        self.close_reason: LinkEnd | None = None
        self.round_trip_time: float | None = None
        self.statistics = SignalStatistics()
        self._warn_from = -math.inf
        self._link = link
        self._resume = resume
        self._timeouts = timeouts
        self._requests, self._outbound = trio.open_memory_channel[bytes](OUTBOUND_QUEUE)
        channels = trio.open_memory_channel[proto.SignalResponse](INBOUND_QUEUE)
        self._inbound: trio.MemorySendChannel[proto.SignalResponse] = channels[0]
        self.responses: trio.MemoryReceiveChannel[proto.SignalResponse] = channels[1]
        self._waiters: list[_Waiter[Any]] = []
        self._answered = trio.Event()
        self._ended = trio.Event()
        self._leaving = False
        self._wall_time = wall_time
        self._liveness = Liveness(trio.current_time(), wall_time())
        self._ping_timestamp = 0
        self._ping_sent_at = 0.0
        self._request_id = 0

    @property
    def silent_for(self) -> float:
        """Seconds since anything was heard from the server."""
        return trio.current_time() - self._liveness.heard_at

    # Sending

    async def send(self, request: proto.SignalRequest) -> None:
        """Queue a request for sending; waits while ``OUTBOUND_QUEUE`` others are queued.

        Cancelled, it has queued nothing.

        Raises:
            trio.BrokenResourceError: The link has ended.
            trio.ClosedResourceError: We have left.
            LocalProtocolError: The request is larger than the server accepts.
        """
        packed = _pack(request)
        try:
            await self._requests.send(packed)
        except trio.BrokenResourceError:
            raise self._broken() from None

    def send_nowait(self, request: proto.SignalRequest) -> None:
        """Queue a request for sending, or raise.

        Raises:
            trio.WouldBlock: The queue is full.
            trio.BrokenResourceError: The link has ended.
            trio.ClosedResourceError: We have left.
            LocalProtocolError: The request is larger than the server accepts.
        """
        packed = _pack(request)
        try:
            self._requests.send_nowait(packed)
        except trio.BrokenResourceError:
            raise self._broken() from None

    # Requests with an answer

    async def exchange(
        self, request: proto.SignalRequest, match: Callable[[proto.SignalResponse], T | None]
    ) -> T:
        """Send a request and wait for what ``match`` finds in a response.

        ``match`` is called with every response until it returns something else than None. That
        response does not appear in ``responses``. Cancelled, the request may have been sent; a
        late answer appears in ``responses``.

        Raises:
            trio.BrokenResourceError: The link has ended.
            trio.ClosedResourceError: We have left.
        """
        waiter = _Waiter(match)
        self._waiters.append(waiter)
        try:
            await self.send(request)
            await waiter.over.wait()
        finally:
            self._waiters.remove(waiter)
        if waiter.found is None:
            raise self._broken()
        return waiter.found

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track and wait until the server has accepted it.

        A server that still holds a track with the same ``cid`` accepts when that one is gone.

        Raises:
            PublishError: The server refused it; the subclass says in which way.
            PublishTimeout: No answer within ``Timeouts.add_track``.
            trio.BrokenResourceError: The link has ended.
        """
        what = f"the track {request.cid!r}"
        sent = proto.SignalRequest(add_track=request)

        def match(
            response: proto.SignalResponse,
        ) -> proto.TrackPublishedResponse | proto.RequestResponse | None:
            published, answer = response.track_published, response.request_response
            if published is not None and published.cid == request.cid:
                return published
            refused = answer is not None and is_refusal(answer) and answers(answer, sent)
            return answer if refused else None

        seconds = self._timeouts.add_track
        with trio.move_on_after(seconds):
            found: proto.TrackPublishedResponse | proto.RequestResponse = await self.exchange(
                sent, match
            )
            if isinstance(found, proto.RequestResponse):
                raise publish_error(found, what)
            return found.track or proto.TrackInfo()
        raise PublishTimeout(f"the server did not acknowledge {what} within {seconds:g} s")

    async def publish_data_track(
        self, request: proto.PublishDataTrackRequest
    ) -> proto.DataTrackInfo:
        """Announce a data track and wait until the server has accepted it.

        Raises:
            PublishError: The server refused it; the subclass says in which way.
            PublishTimeout: No answer within ``Timeouts.add_track``; servers before 1.11 know no
                data tracks.
            trio.BrokenResourceError: The link has ended.
        """
        what = f"the data track {request.name!r}"
        sent = proto.SignalRequest(publish_data_track_request=request)

        def match(
            response: proto.SignalResponse,
        ) -> proto.DataTrackInfo | proto.RequestResponse | None:
            published, answer = response.publish_data_track_response, response.request_response
            if published is not None and published.info is not None:
                return published.info if published.info.pub_handle == request.pub_handle else None
            refused = answer is not None and is_refusal(answer) and answers(answer, sent)
            return answer if refused else None

        seconds = self._timeouts.add_track
        with trio.move_on_after(seconds):
            found: proto.DataTrackInfo | proto.RequestResponse = await self.exchange(sent, match)
            if isinstance(found, proto.RequestResponse):
                raise data_track_error(found, what)
            return found
        raise PublishTimeout(
            f"the server did not acknowledge {what} within {seconds:g} s: does it know data tracks?"
        )

    async def update_metadata(
        self,
        *,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Change what others see of us, and wait until the server has agreed.

        Args:
            name: The new name; empty: as it is.
            metadata: The new metadata; empty: as it is (it cannot be emptied).
            attributes: Attributes to set; an empty value removes one.

        Raises:
            NotPermitted: The token does not allow it (``can_update_own_metadata``).
            ServerError: The server refused it otherwise, or did not answer within
                ``Timeouts.request``.
            trio.BrokenResourceError: The link has ended.
        """
        self._request_id += 1
        update = proto.UpdateParticipantMetadata(
            metadata=metadata,
            name=name,
            attributes=dict(attributes or {}),
            request_id=self._request_id,
        )
        await self._ask(proto.SignalRequest(update_metadata=update), "the change of metadata")

    async def store_data_blob(self, blob: proto.DataBlob) -> None:
        """Store a blob for others to fetch.

        Raises:
            NotPermitted: The server does not take blobs.
            ServerError: The server refused it otherwise, or did not answer within
                ``Timeouts.request``.
            trio.BrokenResourceError: The link has ended.
        """
        self._request_id += 1
        request = proto.StoreDataBlobRequest(request_id=self._request_id, blob=blob)

        def match(response: proto.SignalResponse) -> proto.StoreDataBlobResponse | None:
            return response.store_data_blob_response

        sent = proto.SignalRequest(store_data_blob_request=request)
        await self._fetch(sent, self._request_id, match, "the data blob")

    async def get_data_blob(self, identity: str, key: proto.DataBlobKey) -> bytes:
        """Fetch a blob that a participant has stored; returns its contents.

        Raises:
            ServerError: There is none (``not_found``), the server refused it otherwise, or it did
                not answer within ``Timeouts.request``.
            trio.BrokenResourceError: The link has ended.
        """
        self._request_id += 1
        request = proto.GetDataBlobRequest(
            request_id=self._request_id, participant_identity=identity, key=key
        )

        def match(response: proto.SignalResponse) -> proto.GetDataBlobResponse | None:
            return response.get_data_blob_response

        sent = proto.SignalRequest(get_data_blob_request=request)
        what = f"a data blob of {identity!r}"
        answer = await self._fetch(sent, self._request_id, match, what)
        return answer.blob.contents if answer.blob is not None else b""

    async def _fetch(
        self,
        request: proto.SignalRequest,
        request_id: int,
        match: Callable[[proto.SignalResponse], A | None],
        what: str,
    ) -> A:
        """Send a request whose answer is of a kind of its own, or a refusal."""

        def find(response: proto.SignalResponse) -> A | proto.RequestResponse | None:
            refusal, answer = response.request_response, match(response)
            if refusal is not None and refusal.request_id == request_id and is_refusal(refusal):
                return refusal
            return answer if answer is not None and answer.request_id == request_id else None

        seconds = self._timeouts.request
        with trio.move_on_after(seconds):
            found: A | proto.RequestResponse = await self.exchange(request, find)
            if isinstance(found, proto.RequestResponse):
                raise request_error(found, what)
            return found
        raise ServerError("deadline_exceeded", f"no answer about {what} within {seconds:g} s")

    async def _ask(self, request: proto.SignalRequest, what: str) -> None:
        """Send a request whose only answer is a RequestResponse."""
        if not self._says_ok():
            await self.send(request)
            return

        def match(response: proto.SignalResponse) -> proto.RequestResponse | None:
            answer = response.request_response
            return answer if answer is not None and answers(answer, request) else None

        seconds = self._timeouts.request
        with trio.move_on_after(seconds):
            answer = await self.exchange(request, match)
            if is_refusal(answer):
                raise request_error(answer, what)
            return
        raise ServerError("deadline_exceeded", f"no answer to {what} within {seconds:g} s")

    def _says_ok(self) -> bool:
        info = self.join.server_info if self.join is not None else None
        return info is None or not 0 < info.protocol < _FIRST_PROTOCOL_WITH_OK

    # The end

    def abort(self) -> None:
        """Break the link off at once, as if it were lost; for tests of what happens then."""
        self._link.abort()

    async def leave(
        self, reason: proto.DisconnectReason = proto.DisconnectReason.CLIENT_INITIATED
    ) -> None:
        """Tell the server that we leave, after what is queued, and close the link.

        Takes at most ``Timeouts.leave``, also when cancelled, and leaves the link closed. Does
        nothing if the link has ended.
        """
        await self.finish(reason)
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the link and stay in the room, so that the session can be resumed.

        Takes at most ``Timeouts.leave``, also when cancelled, and leaves the link closed.
        """
        await self.finish(None)
        await trio.lowlevel.checkpoint()

    async def wait_closed(self) -> LinkEnd:
        """Wait until the link has ended and return why."""
        await self._ended.wait()
        assert self.close_reason is not None
        return self.close_reason

    async def finish(
        self,
        reason: proto.DisconnectReason | None = proto.DisconnectReason.CLIENT_INITIATED,
        *,
        deadline: float | None = None,
    ) -> None:
        """Do the work of `leave` and `aclose`: cannot be cancelled, has a deadline, never fails."""
        if deadline is None:
            deadline = trio.current_time() + self._timeouts.leave
        with trio.CancelScope(shield=True, deadline=deadline):
            await self._finish_sending(reason)
            await self._ended.wait()
        self._end(LinkEnd("left"))

    async def _finish_sending(self, reason: proto.DisconnectReason | None) -> None:
        first = self.close_reason is None and not self._leaving
        self._leaving = True
        if first and reason is not None:
            leave = proto.SignalRequest(leave=proto.LeaveRequest(reason=reason))
            try:
                await self._requests.send(_pack(leave))
            except trio.BrokenResourceError:  # it ended meanwhile
                await trio.lowlevel.checkpoint()
        self._requests.close()
        await trio.lowlevel.checkpoint()

    def _end(self, end: LinkEnd) -> None:
        """Let everything that waits know, once."""
        if self.close_reason is not None:
            return
        self.close_reason = LinkEnd("left") if self._leaving else end
        _log.debug("the signalling link ended: %s", self.close_reason)
        self._inbound.close()
        self._outbound.close()
        for waiter in self._waiters:
            waiter.over.set()
        self._answered.set()
        self._ended.set()
        self._link.abort()

    def _broken(self) -> trio.BrokenResourceError:
        return trio.BrokenResourceError(f"the signalling link has ended ({self.close_reason})")

    # The tasks

    async def serve(self) -> None:
        """Run the connection until its link has ended; `open_signal` starts this."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, name="signal reader")
                nursery.start_soon(self._write, name="signal writer")
                nursery.start_soon(self._keep_alive, name="signal keepalive")
        finally:
            self._end(LinkEnd("lost", text="the connection's tasks have stopped"))

    async def wait_answered(self) -> None:
        """Wait until the server has answered the join or has left, or the link has ended."""
        await self._answered.wait()

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._link.websocket.get_message()
                self._liveness.heard(trio.current_time())
                self._receive(frame)
        except ConnectionClosed as closed:
            # When we leave, the writer waits for the server's closing frame. A stream closed
            # before that is reset by what the server still sends, and what it has not read is lost.
            if not self._leaving:
                self._end(_end_of(closed))
        await trio.lowlevel.checkpoint()

    async def _write(self) -> None:
        websocket = self._link.websocket
        try:
            async for packed in self._outbound:
                self._liveness.writing(trio.current_time())
                await websocket.send_message(packed)
                self._liveness.written()
                self.statistics.sent += 1
            await websocket.aclose()
            self._end(LinkEnd("left"))
        except ConnectionClosed as closed:
            self._end(_end_of(closed))
        except trio.ClosedResourceError:
            assert self.close_reason is not None  # the reader or the keepalive ended the link
        await trio.lowlevel.checkpoint()

    async def _keep_alive(self) -> None:
        await self._answered.wait()
        interval, timeout = self._ping_times()
        if self.close_reason is not None or (self.join is None and self._resume is None):
            return  # we were not let in
        if interval <= 0 or timeout <= 0:
            _log.warning("the server wants no pings: a dead link will not be noticed")
            return
        next_ping = planned = trio.current_time()
        while self.close_reason is None:
            now = trio.current_time()
            pause = self._liveness.wake(planned, now, self._wall_time())
            if not pause and now >= self._liveness.dies_at(timeout):
                self._end(LinkEnd("silent", text=self._liveness.verdict(timeout)))
            elif pause or now >= next_ping:
                self._ping(now)
                next_ping = now + interval
            planned = now + pause if pause else min(next_ping, self._liveness.dies_at(timeout))
            with trio.move_on_at(planned):
                await self._ended.wait()

    def _ping_times(self) -> tuple[float, float]:
        if self._resume is not None:
            return self._resume.ping_interval, self._resume.ping_timeout
        if self.join is None:
            return 0, 0
        return self.join.ping_interval, self.join.ping_timeout

    def _ping(self, now: float) -> None:
        self._ping_timestamp = int(self._wall_time() * _PER_SECOND)
        self._ping_sent_at = now
        self._liveness.asked(now)
        rtt = int((self.round_trip_time or 0) * _PER_SECOND)
        ping = proto.Ping(timestamp=self._ping_timestamp, rtt=rtt)
        try:
            self.send_nowait(proto.SignalRequest(ping_req=ping))
        except (trio.WouldBlock, trio.ClosedResourceError):
            _log.debug("a ping was left out")

    # What arrives

    def _receive(self, frame: str | bytes) -> None:
        self.statistics.received += 1
        if isinstance(frame, str):  # JSON, which the server writes to those who send it
            self.statistics.undecodable += 1
            return
        try:
            response = decode(proto.SignalResponse, frame)
        except RemoteProtocolError as error:
            self.statistics.undecodable += 1
            self._warn("a signalling message could not be read", error)
            return
        if not response:
            self.statistics.unknown += 1
        elif not self._keep(response):
            self._deliver(response)

    def _warn(self, what: str, error: Exception) -> None:
        """Log what the server did wrong, at most once a second."""
        now = trio.current_time()
        if now >= self._warn_from:
            self._warn_from = now + _WARNING_PAUSE
            _log.warning(
                "%s (%d so far): %s", what, self.statistics.undecodable, printable(str(error))
            )

    def _keep(self, response: proto.SignalResponse) -> bool:
        """Note what concerns the connection; whether that is all there is to a response."""
        if response.pong_resp is not None:
            self._receive_pong(response.pong_resp)
            return True
        if response.leave is not None:
            self.server_leave = response.leave
            self._answered.set()
        elif response.refresh_token is not None:
            self.token = response.refresh_token or self.token
        elif response.room_moved is not None:
            self.token = response.room_moved.token or self.token
        return response.pong is not None or (
            not self._answered.is_set() and self._receive_answer(response)
        )

    def _receive_answer(self, response: proto.SignalResponse) -> bool:
        """Look for the answer to our join; whether this is it and nothing else."""
        self.join = response.join
        if self._resume is not None:
            self.reconnect = response.reconnect
        found = self.join is not None or self.reconnect is not None
        if found or self._resume is not None:  # a server may resume without saying so, and go on
            self._answered.set()
        return found

    def _receive_pong(self, pong: proto.Pong) -> None:
        self._liveness.answered()
        if pong.last_ping_timestamp == self._ping_timestamp:
            self.round_trip_time = trio.current_time() - self._ping_sent_at

    def _deliver(self, response: proto.SignalResponse) -> None:
        if any(waiter.takes(response) for waiter in self._waiters):
            return
        try:
            self._inbound.send_nowait(response)
        except trio.WouldBlock:
            text = f"{INBOUND_QUEUE} responses were not read"
            _log.error("%s; the signalling link is closed", text)
            self._end(LinkEnd("overrun", text=text))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # nobody reads them any more, or the link has ended


def _pack(request: proto.SignalRequest) -> bytes:
    packed = encode(request)
    if len(packed) > MAX_REQUEST_SIZE:
        raise LocalProtocolError(
            f"a request of {len(packed)} bytes is larger than the {MAX_REQUEST_SIZE} bytes that "
            "a LiveKit server accepts; send less at once"
        )
    return packed


def _end_of(closed: ConnectionClosed) -> LinkEnd:
    reason = closed.reason
    if reason is None:
        return LinkEnd("lost")
    cause: Literal["lost", "closed"] = "lost" if reason.code in _ABNORMAL else "closed"
    return LinkEnd(cause, reason.code, reason.reason or "")
