"""What a modem that looks for mobile broadband hears, and how its record says so."""

from enum import StrEnum
from functools import cache
from typing import NamedTuple

import msgspec

from sim.province.operators import FOREIGN_PLMN, OPERATORS
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload, RegistrationState
from wire.messages import Outcome


class Service(StrEnum):
    """How one operator serves a place."""

    BROADBAND = "broadband"
    NONE = "none"
    """Nothing is heard."""
    WEAK = "weak"
    """Registered, but the level is of no use."""
    GSM = "gsm"
    DENIED = "denied"
    """A cell is heard and lets only emergency calls through."""
    FOREIGN = "foreign"
    """Registered on a network across the border."""
    NR_LEG = "nr_leg"
    """The LTE anchor is too weak, its NR leg is not."""
    NO_DATA = "no_data"
    """The level is good and nothing comes through."""


COVERED = frozenset({Service.BROADBAND, Service.NR_LEG})
"""What counts as mobile broadband."""
WEAK_BY_DB = 27.0
"""How far below its usual level a weak cell lies."""
WEAK_AT_MOST_DBM = -119.0
WEAKEST_DBM = -139.0


class Heard(NamedTuple):
    """One look at the radio."""

    payload: Payload
    outcome: Outcome
    reason: str | None


def look(service: Service, operator: int, level_dbm: float) -> Heard:
    """What is heard; `level_dbm` is that of a good cell here, as this antenna reads it."""
    if service is Service.NONE:
        return _NOTHING
    rsrp_dbm = level_dbm
    if service in _WEAK:
        rsrp_dbm = max(WEAKEST_DBM, min(WEAK_AT_MOST_DBM, level_dbm - WEAK_BY_DB))
    rsrp_dbm = round(rsrp_dbm, 1)
    template = _template(service, operator)
    serving, leg = template.serving, template.nr
    if serving is not None and serving.rat is Rat.LTE:
        serving = _at(serving, rsrp_dbm)
    if leg is not None:
        leg = _at(leg, round(level_dbm, 1))
    return Heard(
        Payload(
            mode=template.mode,
            rrc_state=template.rrc_state,
            registration=template.registration,
            plmn=template.plmn,
            serving=serving,
            nr=leg,
        ),
        Outcome.OK,
        None,
    )


_WEAK = frozenset({Service.WEAK, Service.NR_LEG})
_NOTHING = Heard(
    Payload(rrc_state="search", registration=RegistrationState.SEARCHING),
    Outcome.NO_SERVICE,
    "registration: searching",
)


def _at(cell: Cell, rsrp_dbm: float) -> Cell:
    return Cell(
        rat=cell.rat,
        mcc=cell.mcc,
        mnc=cell.mnc,
        cell_id=cell.cell_id,
        pci=cell.pci,
        arfcn=cell.arfcn,
        rsrp_dbm=rsrp_dbm,
        rsrq_db=cell.rsrq_db,
        sinr_db=cell.sinr_db,
    )


@cache
def _template(service: Service, operator: int) -> Payload:
    network = OPERATORS[operator]
    plmn = FOREIGN_PLMN if service is Service.FOREIGN else network.plmn
    node = 900_000 + operator
    lte = Cell(
        rat=Rat.LTE,
        mcc=plmn[:3],
        mnc=plmn[3:],
        cell_id=node << 8 | 1,
        pci=node % 504,
        arfcn=network.earfcn,
        rsrq_db=-11.0,
        sinr_db=9.0,
    )
    payload = Payload(
        mode="lte",
        rrc_state="noconn",
        registration=RegistrationState.HOME,
        plmn=plmn,
        serving=lte,
    )
    match service:
        case Service.GSM:
            gsm = Cell(
                rat=Rat.GSM, mcc=plmn[:3], mnc=plmn[3:], cell_id=node, arfcn=62, rssi_dbm=-84
            )
            return msgspec.structs.replace(payload, mode="gsm", serving=gsm)
        case Service.DENIED:
            state = RegistrationState.EMERGENCY
            return msgspec.structs.replace(
                payload, rrc_state="limsrv", registration=state, plmn=None
            )
        case Service.FOREIGN:
            return msgspec.structs.replace(payload, registration=RegistrationState.ROAMING)
        case Service.NR_LEG:
            leg = Cell(
                rat=Rat.NR,
                mcc=plmn[:3],
                mnc=plmn[3:],
                cell_id=node << 12 | 1,
                pci=node % 1008,
                arfcn=network.nr_arfcn or 650_000,
                sinr_db=10.0,
            )
            return msgspec.structs.replace(payload, mode="nr-nsa", nr=leg)
        case _:
            return payload
