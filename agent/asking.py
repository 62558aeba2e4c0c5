"""What modems say of themselves when nobody measures with them: identity, card, network, locks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from drivers.modem.errors import BusyPortError, ModemError, TimedOutError
from drivers.modem.modem import Modem
from drivers.modem.reading import Address
from wire.messages import RatMode

AT_ONCE = 8
"""A silent one takes seconds to be given up; the others need not wait for it."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One modem's answers; None is what it does not say."""

    family: str
    model: str | None
    firmware: str | None
    imei: str | None
    sim: str
    """`ready`, `absent`, `pin`, ..."""
    iccid: str | None
    home_plmn: str | None
    registration: str | None
    plmn: str | None
    mode: str | None
    lock: RatMode | None
    locks: tuple[RatMode, ...]
    """What it can be locked to."""
    bands: tuple[str, ...]
    """Technologies it can be held on bands of."""
    cells: tuple[str, ...]
    """Technologies it can be held on one cell of."""
    addresses: tuple[Address, ...]


class Answer(NamedTuple):
    """What came of asking."""

    said: Said | None
    failure: str | None
    """Why it says nothing, with what to do about it."""


def ask_all(ports: Sequence[tuple[str, str]]) -> list[Answer]:
    """Ask the modems at these ports, each with its USB path, all at once."""
    if not ports:
        return []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda port: ask(*port), ports))


def ask(port: str, usb_path: str) -> Answer:
    """Open one modem, ask, and let go of it; no lock and no band is touched."""
    try:
        with Modem.open(port, usb_path=usb_path) as modem:
            return Answer(_listen(modem), None)
    except BusyPortError:
        return Answer(None, "held by another program: the service, ModemManager or a console")
    except TimedOutError:
        return Answer(None, "does not answer AT: take its power away once, or try another port")
    except ModemError as error:
        return Answer(None, error.message)


def _listen(modem: Modem) -> Said:
    radio = modem.read_radio()
    locks = modem.supported_locks
    return Said(
        family=modem.family,
        model=modem.identity.model,
        firmware=modem.identity.firmware,
        imei=modem.identity.imei,
        sim=modem.sim_state.value,
        iccid=modem.sim.iccid,
        home_plmn=modem.sim.home_plmn,
        registration=None if radio.registration is None else radio.registration.value,
        plmn=radio.plmn,
        mode=radio.mode,
        lock=modem.read_lock(),
        locks=tuple(mode for mode in RatMode if mode in locks),
        bands=modem.supported_bands,
        cells=tuple(rat.value for rat in modem.supported_cells),
        addresses=modem.addresses(),
    )
