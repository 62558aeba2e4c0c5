"""Telling systemd how the service is doing (sd_notify(3)): one datagram to a named socket."""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Protocol

log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 1.0


class Notify(Protocol):
    """Whoever wants to hear of readiness, progress and the end."""

    def ready(self) -> None:
        """The service does its work now."""

    def alive(self) -> None:
        """Every critical worker makes progress."""

    def stopping(self) -> None:
        """The service is on its way out."""

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""


class SystemdNotify:
    """Speaks to the service manager that started us; silent where there is none.

    Each word takes a descriptor of its own: a process that has leaked all of them feeds no
    watchdog, and the restart by systemd is the cure.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET")
        self._address = None if path is None else _address(path)
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s: float | None = int(usec) / 1e6 if usec.isdecimal() else None
        """How long systemd waits for `alive` before it kills us; None when it does not watch."""
        self._told_deaf = False

    def ready(self) -> None:
        """The service does its work now (`Type=notify`)."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send("STATUS=" + text.replace("\n", " "))

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(SEND_TIMEOUT_S)
                sock.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._told_deaf:
                self._told_deaf = True
                log.warning("systemd did not hear %s: %s", message, error)
        else:
            self._told_deaf = False


def _address(path: str) -> str:
    """A leading @ stands for the zero byte of Linux's abstract socket names."""
    return "\0" + path[1:] if path.startswith("@") else path
