"""One scan for GSM cells a day and probe: evidence of target T4, never a verdict."""

from collections.abc import Iterator

from sim.province.operators import OPERATORS
from sim.province.probe import Row
from sim.province.schedule import Plan
from wire.cells import Cell, Rat
from wire.kinds import scan
from wire.messages import Position, PositionSource

PROFILE = "scan-gsm"
_AFTER_MS = 45 * 60_000
_STOPS_A_DAY = 8


def scan_rows(plan: Plan) -> Iterator[Row]:
    """One after the first stop of each day; whatever network is on air is in it."""
    for stop in plan.stops[::_STOPS_A_DAY]:
        cells = tuple(
            Cell(
                rat=Rat.GSM,
                mcc=one.plmn[:3],
                mnc=one.plmn[3:],
                cell_id=int(stop.commune) % 60_000 + index,
                lac=4_000 + index,
                bsic=index * 9 % 64,
                arfcn=60 + 12 * index,
                rssi_dbm=-82.0,
            )
            for index, one in enumerate(OPERATORS)
            if one.gsm
        )
        yield Row(
            stop.at_ms + _AFTER_MS,
            "scan",
            scan.Payload(command="AT+COPS=?", duration_s=41.0, rats=(Rat.GSM,), cells=cells),
            position=Position(
                source=PositionSource.GNSS,
                lat_deg=round(stop.place.lat_deg, 7),
                lon_deg=round(stop.place.lon_deg, 7),
                horizontal_error_m=6.0,
                age_s=0.3,
                fix_mode=3,
            ),
            operator=0,
            profile=PROFILE,
        )
