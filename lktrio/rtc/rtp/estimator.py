"""How much the path to us carries: a receiver's bandwidth estimate, for REMB.

Theory of operation
    Packets carry the time at which they were sent (abs-send-time). They are grouped into bursts
    of at most 5 ms, and each burst is compared with the one before: if it took longer to arrive
    than to send, a queue on the path grew. The accumulated delay over the last 20 bursts is
    fitted with a line. A slope above an adaptive threshold for more than one burst is *overuse*.

    The estimate rises by 8 % a second while there is no overuse, and falls to 85 % of what
    really arrived when there is.

    Losses above 10 % lower it too. If packets also take clearly longer than they did at best, a
    full queue loses them, and the estimate may fall to what really arrives. If not, the loss is
    not a lack of bandwidth, and the estimate stays above what the sender got onto the path.

    A sender sends what its encoder makes, which can be far less than the path carries. So the
    estimate starts at `RembOptions.start`, high enough for a sender to show what it wants, and
    after congestion climbs back to that without proof; overuse ends the climb. Above the start
    it keeps within 1.5 times of what really arrives.

    Packets without a send time count towards the received rate only.

Source: draft-ietf-rmcat-gcc-02 sections 5.3 to 5.5 and 6, with the trend line of libwebrtc in
place of the Kalman filter; draft-alvestrand-rmcat-remb-03.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtcp import ReceiverEstimatedMaxBitrate

__all__ = ["ReceiveBandwidth", "RembOptions"]

_SEND_UNITS = 262144  # abs-send-time: 6.18 fixed point seconds
_SEND_MASK = 0xFFFFFF
_SEND_HALF = 0x800000
_BURST_UNITS = int(0.005 * _SEND_UNITS)
_MAX_BURST_GAP = 3.0  # seconds of silence after which bursts are not compared

# Trend line and overuse detector (values of libwebrtc's TrendlineEstimator)
_WINDOW = 20
_NO_VARIANCE = 1e-12
_SMOOTHING = 0.9
_TREND_GAIN = 4.0 / 1000.0  # libwebrtc's gain, for a slope in ms per s
_MAX_DELTAS = 60
_REBASE_INTERVAL = 200
_OVERUSE_TIME = 0.01
_THRESHOLD_START = 12.5  # milliseconds
_THRESHOLD_LEAST = 6.0
_THRESHOLD_UP = 8.7  # per second
_THRESHOLD_DOWN = 39.0
_THRESHOLD_OUTLIER = 15.0
_THRESHOLD_MAX_STEP = 0.1

# Rate control (gcc-02 section 5.5 and 6)
_BACK_OFF = 0.85
_INCREASE_PER_SECOND = 1.08
_HEADROOM = 1.5
_BACK_OFF_INTERVAL = 0.3
_HOLD_AFTER_BACK_OFF = 1.0
_RATE_WINDOW = 0.25  # two of them are averaged
_STANDING_QUEUE = 50.0  # milliseconds
_LOWEST_DRIFT = 1.0  # milliseconds per second, for clocks that differ and paths that change
_HIGH_LOSS = 0.10
_REPORT_DROP = 0.97


@dataclass(frozen=True, slots=True)
class RembOptions:
    """What bounds a bandwidth estimate."""

    start: int = 5_000_000
    """Estimate before there is evidence, in bit/s."""
    minimum: int = 100_000
    """Lowest estimate, in bit/s."""
    maximum: int = 50_000_000
    """Highest estimate, in bit/s."""
    interval: float = 0.5
    """Seconds between two reports while nothing changes."""


class _TrendLine:
    """Least-squares slope of the last points, from sums that are kept up to date.

    The sums are taken relative to a recent point and made anew now and then, so that neither
    large arguments nor rounding errors accumulate.
    """

    __slots__ = ("_age", "_origin", "_points", "_x", "_xx", "_xy", "_y")

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._origin = (0.0, 0.0)
        self._x = self._y = self._xx = self._xy = 0.0
        self._age = _REBASE_INTERVAL

    def _rebase(self) -> None:
        self._age = 0
        origin_x, origin_y = self._origin = self._points[0]
        points = [(x - origin_x, y - origin_y) for x, y in self._points]
        self._x = sum([x for x, _ in points])
        self._y = sum([y for _, y in points])
        self._xx = sum([x * x for x, _ in points])
        self._xy = sum([x * y for x, y in points])

    def add(self, x: float, y: float) -> float | None:
        """Add a point; return the slope once the window is full, 0 if all points share one x."""
        points = self._points
        points.append((x, y))
        if len(points) <= _WINDOW:
            return None
        old_x, old_y = points.popleft()
        self._age += 1
        if self._age >= _REBASE_INTERVAL:
            self._rebase()
        else:
            origin_x, origin_y = self._origin
            x -= origin_x
            y -= origin_y
            old_x -= origin_x
            old_y -= origin_y
            self._x += x - old_x
            self._y += y - old_y
            self._xx += x * x - old_x * old_x
            self._xy += x * y - old_x * old_y
        sum_x = self._x
        variance = _WINDOW * self._xx - sum_x * sum_x
        if variance < _NO_VARIANCE:
            return 0.0
        return (_WINDOW * self._xy - sum_x * self._y) / variance


class _OveruseDetector:
    """Tells from the delays of bursts whether a queue grows.

    Attributes:
        overused: Whether it does.
        standing: Milliseconds by which the delay exceeds its lowest value.
    """

    __slots__ = (
        "_accumulated",
        "_count",
        "_last",
        "_line",
        "_lowest",
        "_over_since",
        "_smoothed",
        "_threshold",
        "_trend",
        "overused",
        "standing",
    )

    def __init__(self) -> None:
        self.overused = False
        self.standing = 0.0
        self._lowest = 0.0
        self._line = _TrendLine()
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._count = 0
        self._threshold = _THRESHOLD_START
        self._trend = 0.0
        self._over_since = NEVER
        self._last = NEVER

    def add(self, delay_change: float, arrival: float) -> bool:
        """Take the growth of the delay (milliseconds) over the burst that ended at ``arrival``.

        Returns:
            Whether the path is overused.
        """
        elapsed = arrival - self._last
        self._last = arrival
        self._accumulated += delay_change
        self._smoothed = smoothed = (
            _SMOOTHING * self._smoothed + (1.0 - _SMOOTHING) * self._accumulated
        )
        if smoothed < self._lowest:
            self._lowest = smoothed
        elif elapsed > 0.0:
            self._lowest += _LOWEST_DRIFT * elapsed
        self.standing = smoothed - self._lowest
        trend = self._line.add(arrival, smoothed)
        if trend is None:
            return False
        count = self._count
        if count < _MAX_DELTAS:
            self._count = count = count + 1
        modified = count * trend * _TREND_GAIN
        threshold = self._threshold
        if modified <= threshold:
            self._over_since = NEVER
            self.overused = False
        else:
            self._judge(trend, arrival)
        self._trend = trend
        # The threshold moves towards the trend, so that we do not starve beside TCP.
        excess = (modified if modified > 0.0 else -modified) - threshold
        if excess <= _THRESHOLD_OUTLIER:
            gain = _THRESHOLD_DOWN if excess < 0.0 else _THRESHOLD_UP
            step = min(_THRESHOLD_MAX_STEP, elapsed)
            threshold += gain * excess * step
            self._threshold = max(_THRESHOLD_LEAST, threshold)
        return self.overused

    def _judge(self, trend: float, arrival: float) -> None:
        """Overuse is a steep trend that lasts and does not abate."""
        if self._over_since == NEVER:
            self._over_since = arrival
        lasting = arrival - self._over_since > _OVERUSE_TIME
        self.overused = lasting and trend >= self._trend


class ReceiveBandwidth:
    """Estimates the bandwidth of the path to us.

    Args:
        options: Bounds.

    Attributes:
        due: When `collect` has a report to send; never before the first packet.
        bitrate: The estimate in bit/s.
    """

    __slots__ = (
        "_backed_off",
        "_burst_arrival",
        "_burst_first",
        "_burst_last",
        "_detector",
        "_expected",
        "_last_rate",
        "_lost",
        "_previous",
        "_rate",
        "_received",
        "_reported",
        "_updated",
        "_window_end",
        "_window_start",
        "bitrate",
        "due",
        "options",
    )

    def __init__(self, options: RembOptions | None = None) -> None:
        self.options = options or RembOptions()
        self.bitrate = float(self.options.start)
        self.due = NEVER
        self._detector = _OveruseDetector()
        self._burst_first = -1  # send time of the present burst's first packet
        self._burst_last = 0
        self._burst_arrival = 0.0
        self._previous: tuple[int, float] | None = None  # last send time, arrival
        self._received = 0
        self._window_start = self._window_end = -NEVER
        self._rate: float | None = None
        self._last_rate: float | None = None
        self._updated = 0.0
        self._backed_off = -NEVER
        self._expected = 0
        self._lost = 0
        self._reported = self.bitrate

    @property
    def received_rate(self) -> float:
        """What arrives, in bit/s over about half a second; 0 before it is known."""
        return self._rate or 0.0

    def record(self, size: int, sent: int, now: float) -> None:
        """Take one packet.

        Args:
            size: Bytes of the datagram.
            sent: Its abs-send-time (24 bits), or -1 if it has none.
            now: The time.
        """
        self._received += size
        if now >= self._window_end:
            self._measure(now)
        if sent < 0:
            return
        delta = (sent - self._burst_first) & _SEND_MASK
        if self._burst_first < 0:
            self._burst_first = self._burst_last = sent
        elif delta > _BURST_UNITS:
            if delta >= _SEND_HALF:
                return  # sent before the present burst: reordered
            self._end_burst(now)
            self._burst_first = self._burst_last = sent
        elif (sent - self._burst_last) & _SEND_MASK < _SEND_HALF:
            self._burst_last = sent
        self._burst_arrival = now

    def on_loss(self, expected: int, lost: int) -> None:
        """Take what a stream's receiver report says about the last interval."""
        self._expected += expected
        self._lost += max(lost, 0)

    def _measure(self, now: float) -> None:
        elapsed = now - self._window_start
        self._window_start, self._window_end = now, now + _RATE_WINDOW
        if elapsed == NEVER:
            self._updated = now
            self.due = now + self.options.interval
            return
        rate = 8 * self._received / elapsed
        self._rate = rate if self._last_rate is None else (self._last_rate + rate) / 2
        # A silence tells nothing about the path: do not average over it.
        self._last_rate = rate if elapsed < 4 * _RATE_WINDOW else None
        self._received = 0

    def _end_burst(self, now: float) -> None:
        previous, self._previous = self._previous, (self._burst_last, self._burst_arrival)
        if previous is None:
            return
        sent = ((self._burst_last - previous[0]) & _SEND_MASK) / _SEND_UNITS
        arrival = self._burst_arrival
        arrived = arrival - previous[1]
        if sent >= _MAX_BURST_GAP or arrived >= _MAX_BURST_GAP:
            return
        if self._detector.add(1000.0 * (arrived - sent), arrival):
            self._back_off(now)

    def _back_off(self, now: float) -> None:
        if self._rate is None or now - self._backed_off < _BACK_OFF_INTERVAL:
            return
        self._backed_off = self._updated = now
        self._set(min(self.bitrate, _BACK_OFF * self._rate))
        if self.bitrate < _REPORT_DROP * self._reported:
            self.due = now

    def _set(self, bitrate: float) -> None:
        self.bitrate = min(max(bitrate, self.options.minimum), self.options.maximum)

    def _increase(self, now: float) -> None:
        elapsed, self._updated = now - self._updated, now
        if self._detector.overused or now - self._backed_off < _HOLD_AFTER_BACK_OFF:
            return
        ceiling = max(self.options.start, _HEADROOM * self.received_rate)
        if self.bitrate < ceiling:
            grown = self.bitrate * _INCREASE_PER_SECOND ** min(elapsed, 1.0)
            self._set(min(grown, ceiling))

    def _apply_loss(self) -> None:
        expected, lost = self._expected, self._lost
        self._expected = self._lost = 0
        loss = min(lost / expected, 1.0) if expected else 0.0
        if loss <= _HIGH_LOSS or self._rate is None:
            return
        floor = self._rate
        if self._detector.standing < _STANDING_QUEUE:
            floor /= max(1.0 - loss, 0.1)  # what was sent
        lowered = self.bitrate * (1.0 - 0.5 * loss)
        self._set(min(self.bitrate, max(lowered, floor)))

    def collect(
        self, sender_ssrc: int, ssrcs: tuple[int, ...], now: float
    ) -> ReceiverEstimatedMaxBitrate | None:
        """Return the report that is due.

        Args:
            sender_ssrc: Who reports.
            ssrcs: Video streams that the estimate is for; without any there is no report.
            now: The time.
        """
        if now < self.due:
            return None
        self.due = now + self.options.interval
        self._increase(now)
        self._apply_loss()
        if not ssrcs:
            return None
        self._reported = self.bitrate
        return ReceiverEstimatedMaxBitrate(sender_ssrc, int(self.bitrate), ssrcs)
