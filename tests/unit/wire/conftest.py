from uuid import UUID

import pytest

from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import Measurement, Modem, Outcome, Position, PositionSource, RatLock, RatMode


@pytest.fixture
def record():
    return Measurement(
        probe="dn-01",
        epoch=UUID("441c35b0-e03b-4134-80c5-a8110e6ab3cb"),
        seq=7,
        kind="radio",
        schema=radio.SCHEMA,
        boot_id=UUID("bda5106d-a92e-4403-a014-958d637ebda2"),
        mono_ns=81_000_000_123,
        outcome=Outcome.OK,
        software="26.11",
        position=Position(source=PositionSource.GNSS, lat_deg=12.0, lon_deg=107.7, age_s=0.2),
        modem=Modem(usb_path="1-1.2", imei="860000000000017"),
        rat_lock=RatLock(asked=RatMode.G4, read_back=RatMode.G4, serving_agreed=True),
        payload=radio.Payload(
            mode="lte",
            plmn="45204",
            serving=Cell(rat=Rat.LTE, mcc="452", mnc="04", pci=221, arfcn=1350, rsrp_dbm=-96.0),
        ),
    )
