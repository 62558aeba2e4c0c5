"""What time it is, how sure that is, and since when.

A probe has no battery clock: after a power cut it starts hours behind and jumps later. So every
record carries CLOCK_BOOTTIME, which only counts up, and UTC only where a trusted source (GPS, NTP,
the collector) has tied the two together in this boot. That tie is an anchor. The wall clock drives
no timer, and all times are UTC: no zone, and no change of one, is ever looked at.
"""

import ctypes
import math
import os
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from wire.control import TimeTold
from wire.messages import ClockState

DRIFT_PER_S = 50e-6
"""How fast an anchor gets worse: a free-running crystal of a cheap board, hot or cold."""
HOLD_S = 900.0
"""So long what a source said is not overruled by a lower one, such as NTP over a mobile network."""
RANKS = (ClockState.COLLECTOR, ClockState.NTP, ClockState.GPS)
"""The sources, the best last."""
MAX_ROUND_TRIP_S = 60.0
"""An answer that took longer lay in a queue and says too little."""
COLLECTOR_ERR_S = 0.1
"""How well a server's own clock is kept; it does not say."""
WALL_IS_RIGHT_S = 3600.0
"""Dates need no better: certificates live for months."""
MADE_AT = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right says an earlier time than that of this software."""
WORN_OUT_AT = datetime(2100, 1, 1, tzinfo=UTC)
"""Nor a later one than this; near the end of the calendar no time could be reckoned any more."""
NS_PER_MS = 1_000_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One instant on both clocks: at `mono_ns` of this boot it was `utc`, give or take."""

    mono_ns: int
    utc: datetime
    err_s: float
    source: ClockState
    """One of `RANKS`."""

    def utc_at(self, mono_ns: int) -> datetime:
        """UTC at another instant of the same boot."""
        return self.utc + timedelta(microseconds=(mono_ns - self.mono_ns) / 1000)

    def err_at(self, mono_ns: int) -> float:
        """Error in seconds at another instant of the same boot."""
        return self.err_s + DRIFT_PER_S * abs(mono_ns - self.mono_ns) / 1e9


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """The time fields of a record."""

    boot_id: UUID
    mono_ns: int
    utc: datetime | None
    clock_state: ClockState
    utc_err_s: float | None

    def whole_ms(self) -> "Stamp":
        """As records say it: in whole milliseconds, the error grown by what is cut off."""
        cut_ns = self.mono_ns % NS_PER_MS
        mono_ns = self.mono_ns - cut_ns
        if self.utc is None or self.utc_err_s is None:
            return replace(self, mono_ns=mono_ns)
        exact = self.utc - timedelta(microseconds=cut_ns / 1000)
        utc = exact - timedelta(microseconds=exact.microsecond % 1000)
        err_ms = self.utc_err_s * 1000 + (exact - utc) / timedelta(milliseconds=1)
        return replace(self, mono_ns=mono_ns, utc=utc, utc_err_s=math.ceil(round(err_ms, 6)) / 1000)


@dataclass(frozen=True, kw_only=True)
class NtpState:
    """What the kernel knows of a time daemon's work."""

    synchronised: bool
    max_error_s: float


class TimeSource(Protocol):
    """Where the readings come from; a test passes its own."""

    def boot_id(self) -> UUID:
        """Names the boot: `mono_ns` of two boots cannot be compared."""

    def mono_ns(self) -> int:
        """CLOCK_BOOTTIME: counts also while suspended, never back."""

    def wall(self) -> datetime:
        """The system clock, whatever it is worth."""

    def ntp(self) -> NtpState:
        """Whether a daemon (timesyncd, chrony, ntpd) disciplines the system clock."""


class Clock:
    """The boot's time. All methods may be called from any thread."""

    def __init__(self, source: TimeSource | None = None) -> None:
        self._source: TimeSource = KernelTime() if source is None else source
        self._lock = threading.Lock()
        self._anchor: Anchor | None = None
        self._vouched_ns: dict[ClockState, int] = {}
        """Each source that agreed with the anchor, and when it last did."""
        self._doubted: Anchor | None = None
        self.boot_id = self._source.boot_id()

    def mono_ns(self) -> int:
        """CLOCK_BOOTTIME now."""
        return self._source.mono_ns()

    def stamp(self, mono_ns: int | None = None) -> Stamp:
        """The time fields for an instant of this boot, by default now."""
        at_ns = self._source.mono_ns() if mono_ns is None else mono_ns
        with self._lock:
            anchor = self._anchor
        return Stamp(
            boot_id=self.boot_id,
            mono_ns=at_ns,
            utc=None if anchor is None else anchor.utc_at(at_ns),
            clock_state=self._unanchored() if anchor is None else anchor.source,
            utc_err_s=None if anchor is None else anchor.err_at(at_ns),
        )

    def wall_is_right(self) -> bool:
        """Whether the system clock can be used to judge dates, e.g. of a certificate.

        Where it cannot although the time is known, `agent.certificate_dates` judges by `stamp`.
        """
        stamp = self.stamp()
        if stamp.utc is None or stamp.utc_err_s is None:
            return False
        apart_s = abs((self._source.wall() - stamp.utc).total_seconds())
        return apart_s <= WALL_IS_RIGHT_S + stamp.utc_err_s

    def state(self) -> ClockState:
        """What is known of the time now."""
        return self.stamp().clock_state

    def anchor(self, anchor: Anchor) -> bool:
        """Learn from a trusted source; True when a `clock_anchor` event is to be recorded.

        That is when the time first becomes known, and when it moved by more than both errors. A
        move is believed once a second anchor confirms it: one wrong second of a receiver that
        wakes up must not split the track.
        """
        with self._lock:
            if not MADE_AT <= anchor.utc < WORN_OUT_AT:
                return False
            current = self._anchor
            if current is None:
                self._believe(anchor)
                return True
            if _agree(current, anchor):
                self._doubted = None
                self._vouched_ns[anchor.source] = anchor.mono_ns
                if anchor.err_s <= current.err_at(anchor.mono_ns):
                    self._anchor = anchor
                return False
            if self._is_held(anchor):
                return False
            if self._doubted is None or not _agree(self._doubted, anchor):
                self._doubted = anchor
                return False
            self._believe(anchor)
            return True

    def _believe(self, anchor: Anchor) -> None:
        self._anchor, self._doubted = anchor, None
        self._vouched_ns = {anchor.source: anchor.mono_ns}

    def _is_held(self, new: Anchor) -> bool:
        """Whether a better source has lately said otherwise."""
        better = RANKS[RANKS.index(new.source) + 1 :]
        heard_ns = [at for source, at in self._vouched_ns.items() if source in better]
        return any(new.mono_ns - at < HOLD_S * 1e9 for at in heard_ns)

    def anchor_by_gps(self, utc: datetime, *, mono_ns: int, err_s: float) -> bool:
        """Learn from a fix that was read at `mono_ns`; as `anchor`."""
        return self.anchor(Anchor(mono_ns=mono_ns, utc=utc, err_s=err_s, source=ClockState.GPS))

    def anchor_by_ntp(self) -> bool:
        """Learn from the system clock if a daemon disciplines it; as `anchor`."""
        before_ns = self._source.mono_ns()
        wall = self._source.wall()
        after_ns = self._source.mono_ns()
        # Asked last: whoever sets the clock by hand makes it undisciplined in the same moment.
        ntp = self._source.ntp()
        if not ntp.synchronised:
            return False
        return self.anchor(
            Anchor(
                mono_ns=(before_ns + after_ns) // 2,
                utc=wall,
                err_s=ntp.max_error_s + (after_ns - before_ns) / 2e9,
                source=ClockState.NTP,
            )
        )

    def anchor_by_collector(self, told: TimeTold, heard_mono_ns: int) -> bool:
        """Learn from an answer that arrived at `heard_mono_ns`; as `anchor`.

        The collector looked at its clock some time between the question and then (Cristian's
        rule): in the middle, give or take half of it.
        """
        took_s = (heard_mono_ns - told.mono_ns) / 1e9
        if told.boot_id != self.boot_id or not 0 <= took_s <= MAX_ROUND_TRIP_S:
            return False
        return self.anchor(
            Anchor(
                mono_ns=(told.mono_ns + heard_mono_ns) // 2,
                utc=told.utc,
                err_s=took_s / 2 + COLLECTOR_ERR_S,
                source=ClockState.COLLECTOR,
            )
        )

    def _unanchored(self) -> ClockState:
        """A plausible but unproven system clock was restored from disk at boot."""
        plausible = self._source.wall() >= MADE_AT
        return ClockState.RESTORED if plausible else ClockState.UNSYNCED


def _agree(known: Anchor, new: Anchor) -> bool:
    apart_s = abs((new.utc - known.utc_at(new.mono_ns)).total_seconds())
    return apart_s <= known.err_at(new.mono_ns) + new.err_s


class KernelTime:
    """The real clocks of this machine."""

    def boot_id(self) -> UUID:
        """From the kernel, new at every boot."""
        return UUID(BOOT_ID.read_text(encoding="ascii").strip())

    def mono_ns(self) -> int:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wall(self) -> datetime:
        """CLOCK_REALTIME."""
        return datetime.now(UTC)

    def ntp(self) -> NtpState:
        """From adjtimex(2), which every daemon feeds; asking changes nothing."""
        timex = _Timex()
        verdict = _libc.adjtimex(ctypes.byref(timex))
        if verdict < 0:
            errno = ctypes.get_errno()
            raise OSError(errno, f"adjtimex: {os.strerror(errno)}")
        return NtpState(
            synchronised=verdict != _TIME_ERROR and not timex.status & _STA_UNSYNC,
            max_error_s=timex.maxerror / 1e6,
        )


_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
_libc = ctypes.CDLL(None, use_errno=True)


class _Timex(ctypes.Structure):
    """The head of `struct timex` of <sys/timex.h>; what we do not read is room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )
