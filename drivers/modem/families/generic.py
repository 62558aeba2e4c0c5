"""Any modem that keeps to 3GPP TS 27.007: no channel and no PCI, but level, cell and network."""

from drivers.modem.standard import Identification
from drivers.modem.ws46 import Ws46Family


class Generic(Ws46Family):
    """A modem of which only the standard is known."""

    name = "generic"
    last_resort = True

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """Takes whatever answers AT."""
        del identification
        return True
