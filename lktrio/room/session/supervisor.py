"""The link with the server, and the links that take its place.

Theory of operation: a `LinkSupervisor` joins, and then goes through the states of
`lktrio.room.session.states` until the room has ended. Each join is a block (`open_link`), each
resume a block within that of its join; what runs in them is the owner's (`LinkUser`). Whoever finds
that a link works no more says so with ``lose``; the first who does decides, save that a resume
becomes a restart when it turns out that a resume is not enough.

Tries are counted from a loss on, over resumes and restarts alike, and begin anew only when a link
has worked for a while: a server that lets us in and then sends us away again must not be asked
without a pause, and not for ever.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from lktrio._scope import open_service_nursery
from lktrio._text import printable
from lktrio.auth import ConnectionDetails
from lktrio.errors import (
    AuthenticationFailed,
    ConnectError,
    JoinRejected,
    LiveKitError,
    RemoteProtocolError,
)
from lktrio.net.network import Network
from lktrio.room.options import ReconnectPolicy, RoomOptions
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink, open_link, resume_link, tell_leaving
from lktrio.room.session.places import ServerPlaces, is_of_the_place
from lktrio.room.session.states import (
    LinkLoss,
    SessionState,
    loss_by_leave,
    may_join_again,
    may_resume_again,
)
from lktrio.room.state.enums import ReconnectKind
from lktrio.signal import LeaveReceived

__all__ = ["LinkSupervisor", "LinkUser"]

_log = logging.getLogger("lktrio.room")

_RESUMES_UNANSWERED = 3
"""Tries to resume without an answer, and without media, after which the session is given up: the
server has forgotten it by then, and another place may be reachable."""
_JOIN_PAUSE = 0.3  # seconds before a first join is tried again
_RESUMES_DROPPED = 3  # tries to resume that a server may drop without saying why
_STABLE = 10.0  # seconds that a link has to work until the tries are counted anew


class LinkUser(Protocol):
    """What the owner of a supervisor does with its links."""

    def use_link(self, link: ServerLink, services: trio.Nursery) -> None:
        """A join has succeeded: start what runs as long as its link lives."""
        ...

    async def serve_link(self, link: ServerLink, kind: ReconnectKind | None) -> None:
        """Work with a link, after a resume, a restart, or the first join (None).

        Calls ``LinkSupervisor.connected`` when media can flow, ``lose`` when the link works no
        more, and is then cancelled.
        """
        ...

    def suspend(self) -> None:
        """The link works no more, for now."""
        ...

    def reconnecting(self, kind: ReconnectKind, attempt: int) -> None:
        """A try to replace the link begins."""
        ...

    def give_up(self, loss: LinkLoss) -> None:
        """The room ends by a loss."""
        ...

    def end_session(self) -> None:
        """The room ends, if it has not ended by a loss or by the program. Idempotent."""
        ...

    async def leave_link(self, link: ServerLink) -> None:
        """Leave a link, for good: cannot be cancelled, has a deadline, never fails."""
        ...


class _Tries:
    """The tries to replace a link, as a policy has them."""

    def __init__(self, policy: ReconnectPolicy, network: Network) -> None:
        self._policy = policy
        self._network = network
        self._lost_at = -math.inf
        self._connected_at = -math.inf
        self.number = 0
        """How many there were since the link was lost."""

    def connected(self) -> None:
        """The link works."""
        self._connected_at = trio.current_time()

    def lost(self) -> None:
        """The link works no more."""
        now = trio.current_time()
        if self.number == 0 or now - self._connected_at >= _STABLE:
            self.number, self._lost_at = 0, now
        self._connected_at = math.inf

    def next_delay(self, *, asked: bool) -> float | None:
        """Seconds until the next try, None if there is none; counts it.

        Args:
            asked: Whether the server asks for it: then without a pause, unless it asks again.
        """
        delays = self._policy.delays
        if self.number >= len(delays):
            return None
        delay = delays[self.number]
        if asked and self.number <= 1:
            delay = 0.0
        elif self.number:
            delay *= 1 + self._policy.jitter * self._random()
        if trio.current_time() + delay > self._lost_at + self._policy.deadline:
            return None
        self.number += 1
        return delay

    def _random(self) -> float:
        """A number from -1 to 1."""
        return int.from_bytes(self._network.random_bytes(4), "big") / 2**31 - 1


class LinkSupervisor:
    """Keeps a room linked with its server.

    Args:
        details: The server's URL and an access token.
        renew: Asks the program's source of tokens for others, when our token is refused.
        options: Preferences and deadlines.
        life: The end of the room.

    Attributes:
        link: The newest link; from the first join on.
        state: How far the session is.
    """

    def __init__(
        self,
        details: ConnectionDetails,
        renew: Callable[[], Awaitable[ConnectionDetails]],
        options: RoomOptions,
        life: RoomLife,
    ) -> None:
        self.link: ServerLink
        self.state = SessionState.JOINING
        self._places = ServerPlaces(details.server_url, options)
        self._renew = renew
        self._token = details.participant_token
        self._options = options
        self._policy = options.reconnect
        self._refused = self._token  # the last one that was not good enough, or the first of all
        self._life = life
        self._tries = _Tries(options.reconnect or ReconnectPolicy(), options.network)
        self._loss: LinkLoss | None = None
        self._interrupted = trio.Event()  # of what serves a link
        self._try = trio.CancelScope()  # what opens one
        self._user: LinkUser

    # What others find out

    def lose(self, loss: LinkLoss) -> None:
        """The link works no more."""
        if self._loss is None:
            _log.info("the link with the server is lost: %s", printable(str(loss.error)))
        elif loss.kind is ReconnectKind.RESUME:
            return
        self._loss = loss.allowed_by(self._policy)
        self._interrupted.set()
        if self._loss.kind is not ReconnectKind.RESUME:
            self._try.cancel()

    @property
    def lost(self) -> bool:
        """Whether the newest link works no more."""
        return self._interrupted.is_set()

    def stop(self) -> None:
        """The room has ended."""
        self._interrupted.set()
        self._try.cancel()

    def connected(self) -> None:
        """Media can flow over the newest link."""
        self._tries.connected()
        self._places.worked()
        self._move(SessionState.CONNECTED)

    def _move(self, state: SessionState) -> None:
        assert self.state.may_become(state), f"{self.state} to {state}"
        self.state = state

    # The work

    async def run(self, make_user: Callable[[ServerLink], LinkUser]) -> None:
        """Join, and keep the room linked until it has ended.

        Args:
            make_user: Makes the owner of the first link.

        Raises:
            ConnectError: The first join failed.
            RemoteProtocolError: It failed because the server makes no sense.
        """
        loss = await self._join(make_user)
        while loss is not None and loss.kind is not None:
            loss = await self._restart(loss)
        self._move(SessionState.ENDED)

    async def _join(self, make_user: Callable[[ServerLink], LinkUser]) -> LinkLoss | None:
        """Join for the first time, in another region or once more if need be."""
        retries, failures = self._options.join_retries, list[ConnectError]()
        while True:
            try:
                return await self._serve_join(make_user)
            except ConnectError as error:
                for failure in failures:
                    error.add_note(f"before: {printable(str(failure))}")
                if self._life.reason is not None or not is_of_the_place(error):
                    raise
                failures.append(error)
            if not await self._places.failed(self._token, failures[-1]):
                if retries == 0:
                    raise failures[-1]
                retries -= 1
                await trio.sleep(_JOIN_PAUSE)

    async def _serve_join(self, make_user: Callable[[ServerLink], LinkUser]) -> LinkLoss | None:
        """Join, and serve the link of that join; returns why it cannot be resumed, if so."""
        loss: LinkLoss | None = None
        kind = ReconnectKind.RESTART if self.state is SessionState.RESTARTING else None
        async with open_link(self._places.url, self._token, self._options) as link:
            self.link, self._loss = link, None
            if link.join.alternative_url:
                self._places.named([link.join.alternative_url])
            self._user = user = make_user(link)
            async with open_service_nursery() as services:
                try:
                    user.use_link(link, services)
                    loss = await self._serve_signals(kind)
                finally:
                    if loss is None or loss.kind is None:
                        user.end_session()
                        if self._life.failure is None:
                            await tell_leaving(link, self._places.url, self._options)  # noqa: ASYNC102
                    await user.leave_link(link)  # noqa: ASYNC102 - has its own shield
        return loss

    async def _serve_signals(self, kind: ReconnectKind | None) -> LinkLoss | None:
        loss = await self._serve(kind)
        if loss is not None and self.state in (SessionState.JOINING, SessionState.RESTARTING):
            loss = loss.restart()  # no session came about that could be resumed
        while loss is not None and loss.kind is ReconnectKind.RESUME:
            loss = await self._resume(loss)
        if loss is not None and self.state is SessionState.JOINING:
            self._user.give_up(loss)
            raise loss.error
        if loss is not None and loss.kind is None:
            self._user.give_up(loss)
        return loss

    async def _serve(self, kind: ReconnectKind | None) -> LinkLoss | None:
        """Work with the newest link until it is lost, or the room has ended (None)."""
        self._try = trio.CancelScope()
        if self._loss is not None and self._loss.kind is ReconnectKind.RESUME:
            self._loss = None  # of what the link was before
        if self._life.reason is None and self._loss is None:
            self._interrupted = trio.Event()
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._user.serve_link, self.link, kind, name="lktrio.room link")
                await self._interrupted.wait()
                tasks.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()
        return self._take_loss()

    def _take_loss(self) -> LinkLoss | None:
        loss, self._loss = self._loss, None
        if self._life.reason is not None:
            return None
        assert loss is not None  # what else interrupts
        self._token = self.link.signal.token  # the newest
        self._user.suspend()
        self._tries.lost()
        self._places.named(loss.urls)
        return loss

    async def _resume(self, loss: LinkLoss) -> LinkLoss | None:
        """Try once to go on over new signalling; returns the next loss."""
        await trio.lowlevel.checkpoint()
        delay = self._tries.next_delay(asked=loss.asked)
        if delay is None:
            return loss.final()
        self._move(SessionState.RESUMING)
        self._user.reconnecting(ReconnectKind.RESUME, self._tries.number)
        with trio.CancelScope() as self._try:
            await self.link.suspend()
            await trio.sleep(delay)
            try:
                async with resume_link(self.link, self._places.url, loss, self._options):
                    return await self._serve_resumed()
            except AuthenticationFailed as error:
                return await self._with_other_token(loss.because(error))
            except LeaveReceived as error:
                _log.info("the session cannot be resumed: %s", printable(str(error)))
                return loss_by_leave(error.leave).restart().allowed_by(self._policy)
            except (JoinRejected, RemoteProtocolError) as error:
                _log.info("the session cannot be resumed: %s", printable(str(error)))
                again = loss.because(error)
                if may_resume_again(error) and self._tries.number < _RESUMES_DROPPED:
                    return again
                return again.restart().allowed_by(self._policy)
            except ConnectError as error:
                again = loss.because(error)
                if self.link.primary.works or self._tries.number < _RESUMES_UNANSWERED:
                    return again
                return again.restart().allowed_by(self._policy)
        return self._take_loss()  # the room has ended meanwhile, or a resume is not enough

    async def _serve_resumed(self) -> LinkLoss | None:
        """Work with new signalling, and put it down in the way that suits what comes next."""
        try:
            loss = await self._serve(ReconnectKind.RESUME)
        except trio.Cancelled:
            self.link.told = True  # at the end of the block around us
            raise
        if loss is None:
            await self._user.leave_link(self.link)
        elif loss.kind is ReconnectKind.RESUME:
            await self.link.suspend()
        return loss

    async def _restart(self, loss: LinkLoss) -> LinkLoss | None:
        """Try once to join again; returns the next loss."""
        await trio.lowlevel.checkpoint()
        delay = self._tries.next_delay(asked=loss.asked)
        if delay is None:
            self._user.give_up(loss.final())
            return None
        self._move(SessionState.RESTARTING)
        self._user.reconnecting(ReconnectKind.RESTART, self._tries.number)
        with trio.CancelScope() as self._try:
            await trio.sleep(delay)
            try:
                return await self._serve_join(lambda _: self._user)
            except (ConnectError, RemoteProtocolError) as error:
                return await self._after_failed_join(loss.because(error), error)
        return None  # the room has ended meanwhile

    async def _after_failed_join(
        self, loss: LinkLoss, error: ConnectError | RemoteProtocolError
    ) -> LinkLoss | None:
        """Whether a new join is tried again, and where."""
        await trio.lowlevel.checkpoint()
        if isinstance(error, AuthenticationFailed):
            loss = await self._with_other_token(loss)
        elif not may_join_again(error):
            loss = loss.final()
        elif isinstance(error, ConnectError) and is_of_the_place(error):
            await self._places.failed(self._token, error)
        if loss.kind is None:
            self._user.give_up(loss)
            return None
        return loss

    async def _with_other_token(self, loss: LinkLoss) -> LinkLoss:
        """Our token was refused: go on with another one of the program, if there is any."""
        await trio.lowlevel.checkpoint()
        try:
            details = await self._renew()
        except (LiveKitError, ValueError) as error:
            _log.warning("there is no other token: %s", printable(str(error)))
            return loss.final()
        if details.participant_token in (self._token, self._refused):
            return loss.final()
        self._refused, self._token = self._token, details.participant_token
        self._places.given(details.server_url)
        return loss.restart().allowed_by(self._policy)
