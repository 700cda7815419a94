"""How fast to send: round-trip time, retransmission timeout, congestion window.

Theory of operation
-------------------
:class:`RtoEstimator` smooths measured times into the retransmission timeout (RFC 9260 6.3.1,
as RFC 6298) and keeps the minimum for the reordering window of loss detection.

:class:`CongestionControl` counts bytes, not acknowledgements, because one SACK may answer a batch
of 64 packets: slow start adds what was acknowledged; afterwards the window follows CUBIC
(RFC 9438), which regrows after a loss by time and not by round trips, with the classic linear
growth as its floor. A loss costs 30 % once per window of data; a timeout starts over from one
packet. The window only grows while it is what limits the sender.
"""

from __future__ import annotations

from typing import Final

from lktrio.rtc.sctp.events import SctpOptions

__all__ = ["CongestionControl", "RtoEstimator"]

_ALPHA: Final = 1 / 8  # RFC 6298 section 2
_BETA: Final = 1 / 4
_MIN_MARGIN: Final = 0.22  # a peer may delay a SACK by 200 ms (RFC 9260 section 6.2)
_CUBIC_C: Final = 0.4  # RFC 9438 section 5
_CUBIC_BETA: Final = 0.7  # RFC 9438 section 4.6
_MIN_WINDOW_PACKETS: Final = 4  # RFC 9260 section 7.2.3


class RtoEstimator:
    """Smoothed round-trip time and the timeout derived from it."""

    __slots__ = ("_backoff", "_options", "minimum", "smoothed", "variation")

    def __init__(self, options: SctpOptions) -> None:
        self._options = options
        self._backoff = 1
        self.smoothed: float | None = None
        """Smoothed round-trip time in seconds, None before the first measurement."""
        self.variation = 0.0
        """Smoothed deviation in seconds."""
        self.minimum = 0.0
        """Smallest measured time in seconds."""

    def measured(self, elapsed: float) -> None:
        """Enter one measurement of a chunk that was sent once (Karn's rule)."""
        if self.smoothed is None:
            self.smoothed = elapsed
            self.variation = elapsed / 2
            self.minimum = elapsed
            return
        self.variation += _BETA * (abs(self.smoothed - elapsed) - self.variation)
        self.smoothed += _ALPHA * (elapsed - self.smoothed)
        self.minimum = min(self.minimum, elapsed)

    @property
    def timeout(self) -> float:
        """The retransmission timeout with its backoff."""
        options = self._options
        if self.smoothed is None:
            base = options.rto_initial
        else:
            margin = max(4 * self.variation, _MIN_MARGIN)
            base = max(self.smoothed + margin, options.rto_min)
        return min(base * self._backoff, options.rto_max)

    def back_off(self) -> None:
        """Double the timeout after it has expired."""
        self._backoff = min(self._backoff * 2, 1024)

    def answered(self) -> None:
        """The peer acknowledged something new: end the backoff."""
        self._backoff = 1


class CongestionControl:
    """The congestion window of the one path that an association over DTLS has."""

    __slots__ = (
        "_epoch",
        "_initial",
        "_mtu",
        "_origin",
        "_threshold",
        "_w_est",
        "_w_max",
        "window",
    )

    def __init__(self, options: SctpOptions) -> None:
        self._mtu = options.mtu
        self._initial = float(options.initial_window_packets * options.mtu)
        self.window = self._initial
        """Bytes that may be in flight."""
        self._threshold = float("inf")
        self._w_max = 0.0
        self._w_est = 0.0
        self._epoch: float | None = None
        self._origin = 0.0

    def acknowledged(self, size: int, now: float, round_trip: float) -> None:
        """Grow by newly acknowledged bytes, if the window limited the sender."""
        if self.window < self._threshold:
            self.window += size
            return
        self._grow_cubic(size, now, round_trip)

    def _grow_cubic(self, size: int, now: float, round_trip: float) -> None:
        window, mtu = self.window, self._mtu
        if self._epoch is None:  # RFC 9438 section 4.2: a new avoidance stage begins
            self._epoch = now
            self._w_max = max(self._w_max, window)
            self._origin = ((self._w_max - window) / mtu / _CUBIC_C) ** (1 / 3)
            self._w_est = window
        elapsed = now - self._epoch + round_trip - self._origin
        target = self._w_max + _CUBIC_C * elapsed**3 * mtu
        target = min(max(target, window), 1.5 * window)
        grown = window + (target - window) * size / window
        # The Reno-friendly region, section 4.3, with the alpha that fits beta 0.7.
        self._w_est += 3 * (1 - _CUBIC_BETA) / (1 + _CUBIC_BETA) * mtu * size / window
        self.window = max(grown, self._w_est)

    def lost(self) -> None:
        """Shrink once for the losses of one window of data."""
        window = self.window
        fast_convergence = window < self._w_max
        self._w_max = window * (1 + _CUBIC_BETA) / 2 if fast_convergence else window
        self._shrink(window * _CUBIC_BETA)

    def _shrink(self, target: float) -> None:
        self._threshold = max(target, _MIN_WINDOW_PACKETS * self._mtu)
        self.window = self._threshold
        self._epoch = None

    def timed_out(self) -> None:
        """Start over from one packet (RFC 9260 section 7.2.3)."""
        self._w_max = max(self._w_max, self.window)
        self._shrink(self.window * _CUBIC_BETA)
        self.window = float(self._mtu)

    def idled(self, timeouts: int) -> None:
        """Halve per timeout without traffic, down to the initial window (RFC 9260 7.2.1)."""
        self.window = max(self.window / 2 ** min(timeouts, 30), min(self.window, self._initial))
        self._epoch = None
