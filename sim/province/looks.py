"""What a modem hears and where it stands at a stop."""

import math

import numpy as np

from sim.province.operators import Operator
from sim.province.schedule import Stop
from sim.world.route import metres_per_degree
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import Position, PositionSource, RatMode


def heard(network: Operator, cell_id: int, rsrp_dbm: float, nr_dbm: float | None) -> radio.Payload:
    """One look: LTE, and with a level of NR that too, as a leg or alone."""
    lte = Cell(
        rat=Rat.LTE,
        mcc=network.plmn[:3],
        mnc=network.plmn[3:],
        cell_id=cell_id,
        pci=cell_id % 504,
        arfcn=network.earfcn,
        rsrp_dbm=rsrp_dbm,
        rsrq_db=-11.0,
        sinr_db=12.0,
    )
    alone = network.nr is RatMode.G5_SA
    if nr_dbm is None:
        mode, serving, leg = "lte", lte, None
    else:
        nr = Cell(
            rat=Rat.NR,
            mcc=network.plmn[:3],
            mnc=network.plmn[3:],
            cell_id=cell_id << 4 | 1,
            pci=cell_id % 1008,
            arfcn=network.nr_arfcn,
            rsrp_dbm=nr_dbm,
            sinr_db=14.0,
        )
        mode, serving, leg = ("nr-sa", nr, None) if alone else ("nr-nsa", lte, nr)
    return radio.Payload(
        mode=mode,
        rrc_state="connect",
        registration=radio.RegistrationState.HOME,
        plmn=network.plmn,
        serving=serving,
        nr=leg,
    )


def fix(stop: Stop, dice: np.random.Generator) -> Position:
    """Where the receiver says that the vehicle stands."""
    place = stop.place
    lat_m, lon_m = metres_per_degree(place.lat_deg)
    north_m, east_m, error = dice.uniform(-1, 1, 3).tolist()
    reach_m = place.wander_m / math.sqrt(2)
    return Position(
        source=PositionSource.GNSS,
        lat_deg=round(place.lat_deg + north_m * reach_m / lat_m, 7),
        lon_deg=round(place.lon_deg + east_m * reach_m / lon_m, 7),
        speed_m_s=0.0,
        horizontal_error_m=round(6 + 3 * error, 1),
        age_s=0.3,
        fix_mode=3,
    )
