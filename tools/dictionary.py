"""Trains a zstd dictionary for records on rows of the simulated fleet.

    python -m tools.dictionary 2        # writes wire/dictionaries/2.zdict

A number is given once: frames packed with it lie in outboxes and files. After a new one, raise
`wire.dictionary.NEWEST`. Every training row has a probe, boot, modem, cell and place of its own,
so that the dictionary learns what rows share; what is left of identities in it is made zeros.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import islice
from pathlib import Path
from random import Random
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
import zstandard

from sim.fleet.month import Month, previous_month
from sim.fleet.passes import pass_records
from sim.fleet.stop import day_records
from sim.fleet.vehicle import Vehicle
from sim.world import World, demo_world
from sim.world.radio import RadioMap
from wire.cells import Cell, Rat, TestRadio
from wire.codec import ZSTD_LEVEL, encode_record
from wire.kinds import event, kinds, position, radio, status
from wire.messages import (
    AnyMeasurement,
    ClockState,
    Modem,
    Outcome,
    Position,
    PositionSource,
    RatLock,
    RatMode,
    Sim,
)

SIZE_BYTES = 16 << 10
"""Twice as much makes no batch smaller."""
SEED = 14
ROWS = 12_000
SEGMENT_BYTES = 800
"""Piece the trainer takes: a whole row, whose fields follow each other as in the next one."""
IDENTITY = re.compile(
    rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]*-[0-9a-f]{12}|[0-9]{7,}"
)
"""UUIDs, also their ends, and numbers of cards, modems, places and moments."""
FOLDER = Path(__file__).parent.parent / "wire" / "dictionaries"

_NOW = datetime(2026, 11, 15, tzinfo=UTC)
_SOFTWARE = "dosong 26.11"
_NAMES = ("viettel", "vinaphone", "mobifone", "vietnamobile")
_MODELS = (
    ("RM520N-GL", "RM520NGLAAR03A04M4G"),
    ("RM500U-CNV", "RM500UCNVCAR03A12M2G"),
    ("EC25", "EC25EFAR06A06M4G"),
    ("SIMCOM_SIM7600E-H", "LE20B04SIM7600M22"),
    ("SIMCOM_SIM8200EA-M2", None),
    ("FM350-GL", None),
    ("EM9191", "SWIX55C_03.17.04.00"),
    ("LE910C4-EU", None),
)
_WORKERS = ("clock", "gps", "health", "hotplug", "outbox", "publisher", "scheduler")
_EVENTS = (
    *("clock_anchor", "modem_gone", "modem_back", "samples_missed", "worker_restarted"),
    *("outbox_dropped", "plan_accepted", "slots_missed", "rat_lock_lost", "rat_lock_back"),
    *("remedy_tried", "uplink_alarm", "budget_used"),
)
_SILENCES = (
    (Outcome.SKIPPED, "the modem is being opened"),
    (Outcome.NO_SERVICE, "registration: searching"),
    (Outcome.NO_SERVICE, "registration: denied"),
    (Outcome.MODEM_GONE, "modem_gone"),
    (Outcome.INVALID, "SIM: absent"),
)
_WORDS = {
    "protocol": ("tcp", "udp", "dash", "hls"),
    "method": ("http", "icmp"),
    "server": ("main",),
    "interface": ("wwan0", "wwan1", "enx0"),
    "early_stop_reason": ("at least 5 Mbit/s", "stable"),
    "address_family": ("ipv4", "ipv6"),
    "mode": ("lte", "nr-nsa", "nr-sa", "gsm", "wcdma"),
    "rrc_state": ("noconn", "connect", "limsrv", "search"),
    "plmn": ("45201", "45202", "45204", "45205"),
    "mcc": ("452",),
    "mnc": ("01", "02", "04", "05"),
    "duplex": ("fdd", "tdd"),
    "uplink": ("connected", "offline"),
    "rejected": ("stale", "no_fix", "jump", "silent"),
    "adaptation": ("throughput", "buffer"),
    "command": ('AT+QENG="servingcell"', "AT+COPS=?", "AT+QSCAN=3"),
}
_BANDS = {
    Rat.GSM: (8, 3),
    Rat.WCDMA: (1, 8),
    Rat.LTE: (1, 3, 7, 8, 28, 40),
    Rat.NR: (28, 41, 77, 78),
}


def rows(dice: Random) -> Iterator[bytes]:
    """Encoded records without end, of all kinds, no two of the same probe or place."""
    world = demo_world(_NOW.timestamp())
    driven, tested = _driven(world), _tested(world)
    complete = [kind.name for kind in kinds().values()]
    while True:
        share = dice.random()
        if share < 0.6:  # noqa: PLR2004 - most of what a probe makes
            record = next(driven)
        elif share < 0.7:  # noqa: PLR2004
            record = next(tested)
        elif share < 0.9:  # noqa: PLR2004
            record = _own(dice, next(driven))
        else:
            record = _whole(dice, next(driven), dice.choice(complete))
        yield encode_record(_of_another(dice, record))


def train(number: int) -> bytes:
    """The dictionary of that number: the same every time."""
    dice = Random(SEED)  # noqa: S311  # training rows, no secret
    trained = zstandard.train_dictionary(
        SIZE_BYTES,
        list(islice(rows(dice), ROWS)),
        dict_id=number,
        level=ZSTD_LEVEL,
        k=SEGMENT_BYTES,
        d=6,
    ).as_bytes()
    return IDENTITY.sub(lambda found: re.sub(rb"[0-9a-f]", b"0", found[0]), trained)


def _driven(world: World) -> Iterator[AnyMeasurement]:
    """Radio rows of drives."""
    radio_map = RadioMap(world)
    while True:
        for back, road in enumerate(world.roads):
            vehicle = Vehicle("dn-00", UUID(int=0), world, SEED)
            day = (_NOW - timedelta(days=back)).date()
            yield from pass_records(world, radio_map, vehicle, road, day, upwards=True)


def _tested(world: World) -> Iterator[AnyMeasurement]:
    """Tests of a month."""
    first_day = previous_month(_NOW)
    month = Month(world, RadioMap(world), first_day=first_day, probes=["dn-00"], seed=SEED)
    vehicle = Vehicle("dn-00", UUID(int=0), world, SEED)
    while True:
        for day in month.days:
            yield from day_records(month, vehicle, day)


def _own(dice: Random, record: AnyMeasurement) -> AnyMeasurement:
    """What the probe says of itself in the place of a radio row."""
    kind, payload = dice.choices(
        (
            ("position", position.Payload(satellites_used=11, satellites_seen=14, hdop=0.8)),
            ("status", _status(dice)),
            ("event", event.Payload(name=dice.choice(_EVENTS), detail={"source": "gps"})),
        ),
        (6, 1, 1),
    )[0]
    return msgspec.structs.replace(
        record, kind=kind, payload=payload, modem=None, sim=None, outcome=Outcome.OK, reason=None
    )


def _status(dice: Random) -> status.Payload:
    filled: status.Payload = _filled(dice, status.Payload)
    modems = [f"{part} {name}" for name in _NAMES for part in ("modem", "traffic")]
    workers = dict.fromkeys((*_WORKERS, *modems), "running")
    return msgspec.structs.replace(filled, workers=workers)


def _whole(dice: Random, record: AnyMeasurement, kind: str) -> AnyMeasurement:
    """A record of a kind with every field it can have."""
    return msgspec.structs.replace(
        record,
        kind=kind,
        payload=_filled(dice, kinds()[kind].payload),
        plan=kind,
        profile=dice.choice(("tcp-6x10s-down", "video-1080p", "latency", "http-6x10s-up")),
    )


def _of_another(dice: Random, record: AnyMeasurement) -> AnyMeasurement:
    """The record as a probe of its own would make it, elsewhere and at another time."""
    known = dice.random() < 0.9  # noqa: PLR2004 - most rows know the time
    state = dice.choice((ClockState.GPS, ClockState.GPS, ClockState.NTP))
    utc = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(milliseconds=dice.randrange(10**11))
    outcome, reason, payload = record.outcome, record.reason, record.payload
    if isinstance(payload, radio.Payload):
        if dice.random() < 0.1:  # noqa: PLR2004 - no service is rarer than service
            outcome, reason = dice.choice(_SILENCES)
            payload = radio.Payload(
                rrc_state="search", registration=radio.RegistrationState.SEARCHING
            )
        payload = _radio(dice, payload)
    elif payload is not None and hasattr(payload, "radio"):
        payload = msgspec.structs.replace(payload, radio=_filled(dice, TestRadio))
    modem, card = _modem(dice, record)
    return msgspec.structs.replace(
        record,
        probe=f"{dice.choice('abcdhklmnqt')}{dice.choice('bdgklnt')}-{dice.randrange(100):02}",
        epoch=_uuid(dice),
        seq=dice.randrange(1, 10**7),
        boot_id=_uuid(dice),
        mono_ns=dice.randrange(10**5, 10**9) * 10**6,
        utc=utc if known else None,
        clock_state=state if known else dice.choice((ClockState.UNSYNCED, ClockState.RESTORED)),
        utc_err_s=round(dice.choice((0.501, 0.011, 0.2)) + dice.random() / 50, 3)
        if known
        else None,
        position=_position(dice),
        modem=modem,
        sim=card,
        rat_lock=_lock(dice) if modem is not None else None,
        outcome=outcome,
        reason=reason,
        software=_SOFTWARE,
        payload=payload,
    )


def _uuid(dice: Random) -> UUID:
    return UUID(int=dice.getrandbits(128), version=4)


def _modem(dice: Random, record: AnyMeasurement) -> tuple[Modem | None, Sim | None]:
    if record.modem is None or record.sim is None:
        return None, None
    model, firmware = dice.choice(_MODELS)
    plmn = record.sim.home_plmn
    modem = Modem(
        usb_path=f"1-1.{dice.randrange(1, 5)}",
        name=dice.choice(_NAMES),
        imei=f"86{dice.randrange(10**13):013}",
        model=model,
        firmware=firmware,
    )
    return modem, Sim(iccid=f"8984{dice.randrange(10**15):015}", home_plmn=plmn)


def _lock(dice: Random) -> RatLock | None:
    mode = dice.choice((RatMode.G4, RatMode.G5_SA, RatMode.G5_NSA, None, None, None))
    agreed = dice.choice((True, True, None))
    return mode and RatLock(asked=mode, read_back=mode, serving_agreed=agreed)


def _position(dice: Random) -> Position:
    if dice.random() < 0.1:  # noqa: PLR2004 - a tunnel, a roof
        return Position()
    return Position(
        source=PositionSource.GNSS,
        lat_deg=round(dice.uniform(8.5, 23.4), 7),
        lon_deg=round(dice.uniform(102.1, 109.5), 7),
        altitude_m=round(dice.uniform(1, 1500), 1),
        speed_m_s=round(dice.uniform(0, 25), 3),
        course_deg=round(dice.uniform(0, 360), 1),
        horizontal_error_m=round(dice.uniform(2, 20), 1),
        age_s=round(dice.uniform(0, 1), 3),
        fix_mode=3,
    )


def _radio(dice: Random, payload: radio.Payload) -> radio.Payload:
    """Other cells, and what our modems say besides."""

    def others(cells: Iterable[Cell]) -> tuple[Cell, ...]:
        return tuple(_cell(dice, cell) for cell in cells)

    return msgspec.structs.replace(
        payload,
        serving=None if payload.serving is None else _cell(dice, payload.serving),
        nr=None if payload.nr is None else _cell(dice, payload.nr),
        carriers=others(payload.carriers),
        neighbours=others(payload.neighbours),
        temperature_c=float(dice.randrange(30, 70)),
    )


def _cell(dice: Random, cell: Cell) -> Cell:
    return msgspec.structs.replace(
        cell,
        cell_id=None if cell.cell_id is None else dice.randrange(1 << 28),
        tac=None if cell.tac is None else dice.randrange(1 << 16),
        lac=None if cell.lac is None else dice.randrange(1 << 16),
        pci=None if cell.pci is None else dice.randrange(504),
        duplex=None if cell.duplex is None else cell.duplex.lower(),
        band=dice.choice(_BANDS[cell.rat]),
    )


def _filled(dice: Random, type_: Any, name: str = "") -> Any:  # noqa: PLR0911 - one line a type
    """A plausible value of a type of `wire`, every field of a struct given."""
    if get_origin(type_) in {UnionType, Union, Annotated}:
        return _filled(dice, get_args(type_)[0], name)
    if get_origin(type_) is tuple:
        return tuple(_filled(dice, get_args(type_)[0], name) for _ in range(dice.randrange(1, 6)))
    if get_origin(type_) is dict:
        return {}
    if issubclass(type_, msgspec.Struct):
        fields = msgspec.structs.fields(type_)
        return type_(**{field.name: _filled(dice, field.type, field.name) for field in fields})
    if issubclass(type_, Enum):
        return dice.choice(list(type_))
    if issubclass(type_, str):
        return dice.choice(_WORDS.get(name, ("",)))
    if issubclass(type_, bool):
        return dice.random() < 0.5  # noqa: PLR2004 - a coin
    number = round(dice.lognormvariate(3, 2), 3)
    if name.endswith(("dbm", "db")):
        number = -round(dice.uniform(5, 120), 1)
    return type_(number)


def main() -> None:
    """Write the dictionary whose number is the argument."""
    number = int(sys.argv[1])
    with (FOLDER / f"{number}.zdict").open("xb") as file:
        file.write(train(number))


if __name__ == "__main__":
    main()
