"""What every thread of the agent stands on: supervision, stopping, mailboxes, systemd."""

from agent.runtime.mailbox import Mailbox, RankedMailbox
from agent.runtime.sdnotify import Notify, SystemdNotify
from agent.runtime.stop import Stop
from agent.runtime.supervisor import Beat, Restart, Stall, Supervisor, Worker

__all__ = [
    "Beat",
    "Mailbox",
    "Notify",
    "RankedMailbox",
    "Restart",
    "Stall",
    "Stop",
    "Supervisor",
    "SystemdNotify",
    "Worker",
]
