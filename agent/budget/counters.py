"""What the kernel has counted on a network interface since it came up."""

from pathlib import Path

from agent.budget.book import Reading

NET = Path("/sys/class/net")


def read(interface: str, net: Path = NET) -> Reading | None:
    """Its counters now; None when there is no such interface."""
    folder = net / interface
    try:
        return Reading(
            interface=interface,
            index=int((folder / "ifindex").read_text(encoding="ascii")),
            rx_bytes=int((folder / "statistics" / "rx_bytes").read_text(encoding="ascii")),
            tx_bytes=int((folder / "statistics" / "tx_bytes").read_text(encoding="ascii")),
        )
    except (OSError, ValueError):
        return None
