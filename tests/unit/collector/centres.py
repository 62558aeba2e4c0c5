"""5G around the seat of a district's People's Committee, and where there is none."""

from datetime import timedelta

import msgspec

from collector.kpi import Point
from tests.unit.collector.attempts import check
from tests.unit.collector.campaigns import OCTOBER, VIETTEL
from tests.unit.collector.campaigns import ground as plain_ground
from wire.cells import Cell, Rat, RatClass
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState

LAT, LON = 12.0, 107.7
CENTRE = Point(
    kind="district_centre",
    code="660",
    name="UBND Gia Nghĩa",
    lat_deg=LAT,
    lon_deg=LON,
    within={"district": "660", "province": "67"},
)
FAR = {"lat": 12.3}


def ground(points=(CENTRE,), operators=(VIETTEL,), **more):
    return msgspec.structs.replace(plain_ground(operators=operators, **more), points=tuple(points))


def look(campaign, *, at, nr_dbm=-95.0, plmn="45204", rrc_state="connect", **more):
    """One second on LTE, with an NR leg of this level; None is without one."""
    payload = Radio(
        registration=RegistrationState.HOME,
        plmn=plmn,
        rrc_state=rrc_state,
        serving=Cell(rat=Rat.LTE, mcc=plmn[:3], mnc=plmn[3:], rsrp_dbm=-90.0),
        nr=None if nr_dbm is None else Cell(rat=Rat.NR, band=41, rsrp_dbm=nr_dbm),
    )
    more.setdefault("home_plmn", plmn)
    campaign.look(0, at=at, payload=payload, lat=more.pop("lat", LAT), **more)


def served(campaign, *, day=0, count=30, ok=True, **more):
    """So many seconds of 5G on one day in one place, and a data check over it."""
    start = OCTOBER + timedelta(days=day, hours=3)
    for second in range(count):
        look(campaign, at=start + timedelta(seconds=second), **more)
    if ok is not None:
        check(
            campaign,
            at=start,
            rat_class=RatClass.G5,
            data_ok=ok,
            plmn=more.get("plmn", "45204"),
            home_plmn=more.get("plmn", "45204"),
        )


def unserved(campaign, *, count=59, days=2, **more):
    """Independent looks without NR: another hour or another square each."""
    for index in range(count):
        day, hour = index % days, index // days % 20
        at = OCTOBER + timedelta(days=day, hours=hour)
        look(campaign, at=at, nr_dbm=None, lat=LAT + 0.002 * (index // (days * 20)), **more)
