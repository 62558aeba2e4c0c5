"""Records as probes make them, for the collector's tests."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.store import columns
from wire.cells import Cell, Rat
from wire.kinds import event, radio
from wire.messages import (
    ClockState,
    Measurement,
    Modem,
    Outcome,
    Position,
    PositionSource,
    RatLock,
    RatMode,
    Sim,
)

PROBE = "dn-01"
EPOCH = UUID("11111111-1111-4111-8111-111111111111")
BOOT = UUID("22222222-2222-4222-8222-222222222222")
START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
SECOND_NS = 1_000_000_000


def radio_record(seq, **changes):
    """A radio record of second `seq` of a drive."""
    fields = {
        "probe": PROBE,
        "epoch": EPOCH,
        "seq": seq,
        "kind": "radio",
        "schema": 1,
        "boot_id": BOOT,
        "mono_ns": seq * SECOND_NS,
        "utc": START + timedelta(seconds=seq),
        "clock_state": ClockState.GPS,
        "utc_err_s": 0.01,
        "position": Position(
            source=PositionSource.GNSS,
            lat_deg=12.0 + seq * 1e-5,
            lon_deg=107.7,
            speed_m_s=9.5,
            horizontal_error_m=3.0,
            age_s=0.2,
            fix_mode=3,
        ),
        "modem": Modem(usb_path="1-1.2", name="viettel", imei="860000000000001", model="RM520N-GL"),
        "sim": Sim(iccid="8984040000000000001", home_plmn="45204"),
        "rat_lock": RatLock(asked=RatMode.G4, read_back=RatMode.G4, serving_agreed=True),
        "outcome": Outcome.OK,
        "plan": "radio",
        "software": "26.11",
        "payload": radio.Payload(
            mode="lte",
            registration=radio.RegistrationState.HOME,
            plmn="45204",
            serving=Cell(
                rat=Rat.LTE,
                mcc="452",
                mnc="04",
                cell_id=27447297,
                pci=12,
                arfcn=1275,
                rsrp_dbm=-95.0,
            ),
            neighbours=(Cell(rat=Rat.LTE, pci=13, arfcn=1275, rsrp_dbm=-101.5),),
        ),
    }
    return Measurement(**(fields | changes))


def event_record(seq, name, **changes):
    """An event of second `seq`."""
    fields = {
        "probe": PROBE,
        "epoch": EPOCH,
        "seq": seq,
        "kind": "event",
        "schema": 1,
        "boot_id": BOOT,
        "mono_ns": seq * SECOND_NS,
        "utc": START + timedelta(seconds=seq),
        "clock_state": ClockState.GPS,
        "outcome": Outcome.OK,
        "software": "26.11",
        "payload": event.Payload(name=name, detail=changes.pop("detail", {})),
    }
    return Measurement(**(fields | changes))


def as_rows(*records):
    """Records of one kind as the lake takes them, in no known area."""
    flat = columns.flatten(records[0].kind, records, START + timedelta(days=1))
    return Locator(Boundaries([]), Roads([])).locate(flat)
