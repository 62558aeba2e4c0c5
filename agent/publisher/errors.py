"""What can go wrong with the link.

LinkError
 |- UnresolvedError   the broker's name has no address, or nobody said so in time
 |- LinkLostError     the connection ended, or never began
 |- RefusedError      the broker does not want us; asking again soon would not help
"""


class LinkError(Exception):
    """There is no link to the broker now."""


class UnresolvedError(LinkError):
    """The broker's name has no address, or nobody said so in time."""


class LinkLostError(LinkError):
    """The connection ended, or never began."""


class RefusedError(LinkError):
    """The broker said no: not authorised, banned, or our name is used by somebody else."""
