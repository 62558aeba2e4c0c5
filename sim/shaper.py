"""What a veth pair carries each way: its rate, or nothing at all. Rates are TCP payload."""

from sim.namespaces import NetworkError, run

INSIDE = "uplink"
"""The pair's end in the namespace."""
FRAME_BYTES, SEGMENT_BYTES = 1514, 1448
"""A full Ethernet frame as the shaper counts it, and the TCP payload in it (with time stamps)."""
BURST_S = 0.01
"""A busy machine wakes the shaper late; what it may catch up."""
MIN_BURST_BYTES = 4 * FRAME_BYTES
LARGEST_QUEUED_BYTES = 72 << 10
"""Many segments in one (GSO), with all their headers. One that is queued already and is larger
than the burst of a new, lower rate would never be sent, nor anything behind it."""
WINDOW_S = 0.04
MIN_WINDOW_BYTES = 1 << 17
QUEUED_WINDOWS = 16
"""No loss up to so many connections: each is held to one window, so nothing overruns the queue."""


class Shaper:
    """Both ways of one pair; the probe's end is `device`, the other is in `namespace`."""

    def __init__(
        self,
        *,
        device: str,
        namespace: str,
        down_mbit: float,
        up_mbit: float,
        inside: str = INSIDE,
    ) -> None:
        """Shape at once; raises `NetworkError`."""
        self._namespace = namespace
        self._ends = {"down": ("-n", namespace, inside), "up": (device,)}
        self._mbit = {"down": 0.0, "up": 0.0}
        self._black = {"down": False, "up": False}
        self._least_burst_bytes = MIN_BURST_BYTES
        self.set_rate(down_mbit=down_mbit, up_mbit=up_mbit)
        self._least_burst_bytes = LARGEST_QUEUED_BYTES

    def set_rate(self, *, down_mbit: float | None = None, up_mbit: float | None = None) -> None:
        """Change what is given. What is queued stays, and what is black stays black.

        Below about 60 Mbit/s a rate that was changed has a larger burst than one from the start:
        after a pause, 72 KiB pass at once. Raises ValueError for what is no rate, and
        `NetworkError`.
        """
        wanted = {"down": down_mbit, "up": up_mbit}
        for way, mbit in wanted.items():
            if mbit is not None and not mbit > 0:
                raise ValueError(f"{way}: {mbit} Mbit/s is no rate; `black_hole` stops all")
        self._mbit |= {way: mbit for way, mbit in wanted.items() if mbit is not None}
        self._bound_windows()
        for way, mbit in wanted.items():
            if mbit is not None and not self._black[way]:
                self._shape(way)

    def black_hole(self, *, down: bool = True, up: bool = True) -> None:
        """Swallow everything that way, also what is queued, as a radio without a link does.

        Neither end notices: no error, no carrier lost.
        """
        for way, chosen in (("down", down), ("up", up)):
            if chosen:
                self._black[way] = True
                # It drops and tells the sender of success: to TCP a lost packet, not a full queue.
                self._qdisc(way, "blackhole")

    def come_back(self, *, down: bool = True, up: bool = True) -> None:
        """Carry again that way, at the rate that was set last."""
        for way, chosen in (("down", down), ("up", up)):
            if chosen and self._black[way]:
                self._shape(way)
                self._black[way] = False

    def _shape(self, way: str) -> None:
        wire_bit_s = round(self._mbit[way] * 1e6 * FRAME_BYTES / SEGMENT_BYTES)
        burst_bytes = max(self._least_burst_bytes, round(wire_bit_s / 8 * BURST_S))
        limit_bytes = QUEUED_WINDOWS * _window_bytes(self._mbit[way])
        size = ("burst", f"{burst_bytes}b", "limit", f"{limit_bytes}b")
        self._qdisc(way, "tbf", "rate", f"{wire_bit_s}bit", *size)

    def _qdisc(self, way: str, *kind: str) -> None:
        *where, device = self._ends[way]
        run("tc", *where, "qdisc", "replace", "dev", device, "root", *kind)

    def _bound_windows(self) -> None:
        """Hold each connection to about a window in flight, from the server's side of both ways."""
        send, receive = (_window_bytes(self._mbit[way]) for way in ("down", "up"))
        settings = {
            "tcp_wmem": f"4096 16384 {send}",
            "tcp_rmem": f"4096 {MIN_WINDOW_BYTES} {receive}",
        }
        folder = "/proc/sys/net/ipv4"
        write = " && ".join(f"echo '{value}' > {folder}/{name}" for name, value in settings.items())
        run("ip", "netns", "exec", self._namespace, "sh", "-c", write)


def unshaped(why: str) -> NetworkError:
    """For whoever wants to change a rate where none is shaped."""
    return NetworkError("tc", why)


def _window_bytes(mbit: float) -> int:
    return max(MIN_WINDOW_BYTES, round(mbit * 1e6 / 8 * WINDOW_S))
