"""The row that everybody carries: one look at the radio, told apart by a number."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import (
    ClockState,
    Measurement,
    Modem,
    Outcome,
    Position,
    PositionSource,
    Sim,
)

ROWS_PER_S = 50
PROBE = "dn-bench"
START = datetime(2026, 11, 1, tzinfo=UTC)


def look(number: int) -> radio.Payload:
    """What the modem heard; the number is in the temperature, which nobody rounds."""
    return radio.Payload(
        mode="lte",
        plmn="45204",
        serving=Cell(
            rat=Rat.LTE,
            arfcn=1300 + number % 7,
            pci=number % 504,
            rsrp_dbm=-80.0 - number % 40,
            rsrq_db=-8.0 - number % 9,
            sinr_db=float(number % 25),
        ),
        temperature_c=float(number),
    )


def record(number: int) -> Measurement[radio.Payload]:
    """The row of a number, unnumbered by any outbox."""
    return Measurement(
        probe=PROBE,
        epoch=UUID(int=0),
        seq=0,
        kind="radio",
        schema=radio.SCHEMA,
        boot_id=UUID(int=5),
        mono_ns=number * 20_000_000,
        utc=START + timedelta(milliseconds=20 * (number % 50_000_000)),
        clock_state=ClockState.GPS,
        utc_err_s=0.5,
        position=Position(
            source=PositionSource.GNSS,
            lat_deg=12.0 + number % 9973 * 1e-5,
            lon_deg=107.6 + number % 9967 * 1e-5,
            altitude_m=598.6,
            speed_m_s=15.0,
            horizontal_error_m=15.2,
            age_s=0.4,
            fix_mode=3,
        ),
        modem=Modem(usb_path="1-1.1", name="viettel", imei="860000000000017", model="EC25"),
        sim=Sim(iccid="8984040000000000041", home_plmn="45204"),
        outcome=Outcome.OK,
        software="dosong",
        payload=look(number),
    )
