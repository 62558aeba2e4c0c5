"""Synthetic campaigns with a known truth, stored through the real lake and read by the engine."""

import atexit
import itertools
import shutil
import tempfile
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

import h3.api.basic_int as h3
import pyarrow as pa

from collector.extracts import LakeSource
from collector.kpi import Area, Ground, Operator, Road
from collector.store import columns, engine
from collector.store.lake import Lake
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.evidence import ServerCheck
from wire.kinds import kinds
from wire.kinds.event import Payload as Event
from wire.kinds.latency import Payload as Latency
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState
from wire.kinds.throughput import Payload as Throughput
from wire.kinds.video import Payload as Video
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

EPOCH = UUID("0b7c4f5e-6a39-4d0e-9f0c-2f3a54a5c001")
BOOT = UUID("0b7c4f5e-6a39-4d0e-9f0c-2f3a54a5c002")
BOUNDARIES = "test-2024"
OCTOBER = datetime(2026, 9, 30, 17, tzinfo=UTC)
"""The first instant of October 2026 in Viet Nam."""
RECEIVED = datetime(2026, 10, 31, 5, tzinfo=UTC)
"""Still October."""
NOW = datetime(2026, 10, 31, 18, tzinfo=UTC)
"""November has begun in Viet Nam: October is the last whole month."""

VIETTEL = Operator(name="Viettel", plmns=("45204",), technologies=("lte", "nr-nsa", "nr-sa"))
VINAPHONE = Operator(name="VinaPhone", plmns=("45202",), technologies=("lte", "nr-nsa"))

METRES_PER_DEGREE = 110_634.0
"""Of latitude, at 12 degrees north: a road of these campaigns runs north from there."""
HOURS = (7, 12, 18, 23)
"""One in each part of the day."""


def ground(
    *,
    communes=("24611",),
    roads=(),
    operators=(VIETTEL,),
    boundary_set=BOUNDARIES,
    points=(),
    exceptions=None,
):
    """One province and one district around these communes; `exceptions` by the road's code."""
    around = {"district": "660", "province": "67"}
    return Ground(
        boundary_set=boundary_set,
        areas=(
            Area(level="province", code="67", name="Đắk Nông"),
            Area(level="district", code="660", name="Gia Nghĩa", within={"province": "67"}),
            *(
                Area(level="commune", code=code, name=f"Xã {code}", within=around)
                for code in communes
            ),
        ),
        roads=tuple(
            Road(
                code=code,
                name=code,
                length_m=length_m,
                exceptions=tuple((exceptions or {}).get(code, ())),
            )
            for code, length_m in roads
        ),
        operators=operators,
        points=tuple(points),
    )


def spots(count, *, start=OCTOBER):
    """Where and when `count` independent blocks are measured: three places, all day, all month."""
    for index in range(count):
        place = index % 3
        day, hour = divmod(index // 3, len(HOURS))
        at = start + timedelta(days=day, hours=HOURS[hour])
        yield 12.0 + 0.01 * place, 107.7, at


class Campaign:
    """Records of one probe with the areas they lie in."""

    def __init__(self, *, first_seq=1):
        self._records = defaultdict(list)
        self._places = defaultdict(list)
        self._seq = itertools.count(first_seq)

    def test(
        self,
        rate_mbit_s,
        *,
        lat=12.0,
        lon=107.7,
        at=OCTOBER,
        outcome=Outcome.OK,
        rat_class=RatClass.G4,
        plmn="45204",
        cell_id=1,
        **more,
    ):
        """One capacity test."""
        served = outcome is not Outcome.NO_SERVICE
        payload = Throughput(
            direction=more.pop("direction", "down"),
            streams=6,
            warmup_s=2.0,
            window_s=10.0,
            bits_per_second=None if rate_mbit_s is None else rate_mbit_s * 1e6,
            cut_off=more.pop("cut_off", False),
            radio=TestRadio(
                rat_class=rat_class if served else None,
                plmn=plmn if served else None,
                cell_id=cell_id if served else None,
                coverage=more.pop("coverage", None),
            ),
            server_check=ServerCheck(control_bits_per_second=more.pop("control_bits_per_s", None)),
        )
        more.setdefault("profile", "tcp-6x10s-down")
        self.add("throughput", payload, at=at, lat=lat, lon=lon, outcome=outcome, **more)

    def session(self, rate_mbit_s, *, lat=12.0, lon=107.7, at=OCTOBER, outcome=Outcome.OK, **more):
        """One video session."""
        payload = Video(
            height=more.pop("height", 1080),
            media_s=30.0,
            bits_per_second=None if rate_mbit_s is None else rate_mbit_s * 1e6,
            stalls=more.pop("stalls", 0),
            protocol=more.pop("protocol", "synthetic"),
            cut_off=more.pop("cut_off", False),
            radio=TestRadio(
                rat_class=more.pop("rat_class", RatClass.G4),
                plmn="45204",
                cell_id=more.pop("cell_id", 1),
            ),
        )
        more.setdefault("profile", "video-1080p")
        self.add("video", payload, at=at, lat=lat, lon=lon, outcome=outcome, **more)

    def look(self, chainage_m, *, at, rsrp_dbm=-90.0, plmn="45204", rat=Rat.LTE, **more):
        """One second of radio on the road; `rsrp_dbm=None` is a second without service."""
        road = more.pop("road", "QL14")
        cell_id = more.pop("cell_id", None)
        payload = more.pop(
            "payload",
            Radio(registration=RegistrationState.SEARCHING)
            if rsrp_dbm is None
            else Radio(
                registration=RegistrationState.HOME,
                plmn=plmn,
                serving=Cell(
                    rat=rat,
                    mcc=plmn[:3],
                    mnc=plmn[3:],
                    cell_id=cell_id,
                    rsrp_dbm=rsrp_dbm,
                ),
            ),
        )
        more.setdefault("outcome", Outcome.NO_SERVICE if rsrp_dbm is None else Outcome.OK)
        offset_m = more.pop("offset_m", 3.0)
        more.setdefault("lat", 12.0 + (chainage_m or 0.0) / METRES_PER_DEGREE)
        self.add(
            "radio", payload, at=at, road=road, chainage_m=chainage_m, offset_m=offset_m, **more
        )

    def check(self, *, at, ok=True, plmn="45204", **more):
        """One data check; `ok=None` is one that failed before the file was asked for."""
        payload = more.pop(
            "payload",
            Latency(
                method=more.pop("method", "http"),
                sent=11,
                received=11 if ok else 0,
                data_ok=ok,
                radio=TestRadio(plmn=plmn if ok else None),
            ),
        )
        more.setdefault("outcome", Outcome.OK if ok else Outcome.FAILED)
        self.add("latency", payload, at=at, **more)

    def drive(
        self, *, start, length_m, gaps=(), silent=(), backwards=False, speed_m_s=15.0, **more
    ):
        """One pass over a road at 1 Hz: no service in `gaps`, no rows at all in `silent`."""
        for second in range(int(length_m / speed_m_s) + 1):
            travelled_m = second * speed_m_s
            chainage_m = length_m - travelled_m if backwards else travelled_m
            if any(first <= chainage_m < last for first, last in silent):
                continue
            dark = any(first <= chainage_m < last for first, last in gaps)
            self.look(
                chainage_m,
                at=start + timedelta(seconds=second),
                rsrp_dbm=None if dark else -90.0,
                **more,
            )

    def anchor(self, *, at, **more):
        """The boot learns the time."""
        self.add("event", Event(name="clock_anchor"), at=at, **more)

    def add(
        self,
        kind,
        payload,
        *,
        at,
        outcome=Outcome.OK,
        lat=12.0,
        lon=107.7,
        error_m=8.0,
        source=PositionSource.GNSS,
        home_plmn="45204",
        asked=RatMode.AUTO,
        agreed=True,
        narrowed_to=None,
        profile=None,
        probe="dn-01",
        mono_ns=1,
        modem="1-1.1",
        commune="24611",
        boundary_set=BOUNDARIES,
        road=None,
        chainage_m=None,
        offset_m=None,
    ):
        """One record of any kind."""
        self._records[kind].append(
            Measurement(
                probe=probe,
                epoch=EPOCH,
                seq=next(self._seq),
                kind=kind,
                schema=kinds()[kind].schema,
                boot_id=BOOT,
                mono_ns=mono_ns,
                utc=at,
                clock_state=ClockState.UNSYNCED if at is None else ClockState.GPS,
                position=Position(
                    source=source, lat_deg=lat, lon_deg=lon, horizontal_error_m=error_m
                ),
                modem=Modem(usb_path=modem),
                sim=Sim(home_plmn=home_plmn),
                rat_lock=RatLock(
                    asked=asked, read_back=asked, serving_agreed=agreed, narrowed_to=narrowed_to
                ),
                outcome=outcome,
                profile=profile,
                software="test",
                payload=payload,
            )
        )
        inside = commune is not None
        self._places[kind].append(
            {
                "commune": commune,
                "district": "660" if inside else None,
                "province": "67" if inside else None,
                "boundary_set": boundary_set if inside else None,
                "h3_8": None if lat is None else h3.latlng_to_cell(lat, lon, 8),
                "h3_10": None,
                "road": road,
                "chainage_m": chainage_m,
                "road_offset_m": offset_m,
            }
        )

    def store(self, folder):
        """The campaign in a lake of its own, as a source of rows."""
        shutil.copytree(_empty_lake(), folder, dirs_exist_ok=True)
        lake = Lake(folder)
        for kind, records in self._records.items():
            rows = columns.flatten(kind, records, RECEIVED)
            places = pa.Table.from_pylist(self._places[kind], schema=columns.AREA_COLUMNS)
            for name in places.column_names:
                rows = rows.append_column(name, places[name])
            lake.merge(kind, rows)
        return LakeSource(engine.connect("duckdb://", folder))


@cache
def _empty_lake():
    """Made once: a dozen commits that every campaign would flush again."""
    folder = Path(tempfile.mkdtemp(prefix="dosong-lake-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Lake(folder)
    return folder
