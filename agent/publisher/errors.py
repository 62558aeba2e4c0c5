"""What can go wrong with the link.

LinkError
 |- UnansweredError   nothing came back, or nothing any more: no way there, or a black hole
 |   `- UnresolvedError   the broker's name has no address, or nobody said so in time
 |- LinkLostError     the other side closed, or is no broker of ours
 |- DistrustError     a certificate is not accepted, ours or the broker's
 `- RefusedError      the broker does not want us; asking again soon would not help
"""


class LinkError(Exception):
    """There is no link to the broker now."""


class UnansweredError(LinkError):
    """Nothing came back, or nothing any more: no way there, or a black hole.

    Asking again costs little.
    """


class UnresolvedError(UnansweredError):
    """The broker's name has no address, or nobody said so in time."""


class LinkLostError(LinkError):
    """The other side closed the connection, or is no broker of ours."""


class DistrustError(LinkError):
    """A certificate is expired, not valid yet, revoked or of the wrong authority.

    The probe's in the broker's eyes, or the broker's in ours: somebody has to renew it.
    """


class RefusedError(LinkError):
    """The broker said no: not authorised, banned, or our name is used by somebody else."""
