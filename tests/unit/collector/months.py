"""One month of one small province with something to say of every target."""

from datetime import timedelta

from collector.config import load
from collector.imports.bringing import bring
from collector.imports.mapping_file import read
from collector.imports.place import of as place_of
from collector.imports.store import Draw, DrawnCell, ImportStore
from tests.unit.collector.attempts import check as access
from tests.unit.collector.attempts import scan, transfer
from tests.unit.collector.campaigns import METRES_PER_DEGREE, NOW, OCTOBER, Campaign, spots
from tests.unit.collector.foreign_tables import FIGURE_HEAD, FIGURES, SAMPLE_HEAD, SAMPLES, square
from tests.unit.collector.provinces import collection, configured
from wire.cells import Cell, Rat, RatClass
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState
from wire.messages import Outcome, RatMode

PLACES = 60
"""Blocks of each commune."""
ROAD_M = 5970.0
GAP_POINT = (12.03, 107.72)
CENTRE = (12.0, 107.69)
_VINAPHONE = {"plmn": "45202", "home_plmn": "45202"}
_DRIVES = tuple(OCTOBER + timedelta(days=20 + day) for day in range(3))
_LAYERS = (
    'points = ["points.geojson"]\nexceptions = ["exceptions.geojson"]\n'
    'population = ["people.geojson"]\ndeclared = ["maps.geojson"]\nsites = ["sites.geojson"]\n'
)


def month(folder):
    """The configured collector with all of it; its configuration."""
    _layers(folder)
    config = configured(folder, more=_LAYERS)
    campaign = measured()
    _drawn(config, campaign)
    _imported(config, folder)
    campaign.store(config.store.lake).close()
    return config


def measured():
    """A fast and a slow commune of two operators, a road with gaps, a listed point, a centre."""
    campaign = Campaign()
    _tests(campaign)
    _accesses(campaign)
    _road(campaign)
    _listed_point(campaign)
    _centre(campaign)
    _gsm(campaign)
    return campaign


def _tests(campaign):
    for index, (lat, lon, at) in enumerate(spots(PLACES)):
        east = {"lat": lat, "lon": lon + 0.2, "at": at, "commune": "24612"}
        west = {"lat": lat, "lon": lon, "at": at}
        campaign.test(52 + index % 9, **west)
        campaign.test(20 + index % 9, **east, cell_id=5 + index % 2)
        campaign.session(9.0 if index % 30 else 3.0, **west, cell_id=index % 4)
        campaign.session(60.0 if index % 20 else 3.0, **west, height=2160, profile="video-2160p")
        for where in (west, east):
            campaign.test(30 + index % 7, **where, **_VINAPHONE)
        campaign.test(160 + index % 50, **east, rat_class=RatClass.G5)
        up = {"direction": "up", "profile": "tcp-6x10s-up"}
        campaign.test(8 + index % 5, **west, **up)
        campaign.test(50 + index % 9, **west, **up, rat_class=RatClass.G5)
        transfer(campaign, 30.0, moved_bytes=10**7, **east)
    campaign.test(1, outcome=Outcome.INVALID)
    at = OCTOBER + timedelta(hours=1)
    campaign.test(None, outcome=Outcome.FAILED, at=at)
    # A cell that only failed, in a place and hour where another one did not.
    _, lon, at = next(spots(1))
    for _ in range(3):
        campaign.test(None, outcome=Outcome.FAILED, lon=lon + 0.2, at=at, cell_id=99)
    transfer(campaign, None, moved_bytes=10**6, outcome=Outcome.FAILED, lon=lon + 0.2, at=at)


def _accesses(campaign):
    for index, (lat, lon, at) in enumerate(spots(PLACES)):
        failed = index % 20 == 7
        access(
            campaign,
            lat=lat,
            lon=lon,
            at=at,
            first_rtt_ms=60.0 + 10 * (index % 7),
            received=0 if failed else 11,
            outcome=Outcome.FAILED if failed else Outcome.OK,
        )
    access(campaign, plmn="45202", home_plmn="45202")


def _road(campaign):
    """Each operator's three passes; the gap begins and ends elsewhere each time."""
    for day, start in enumerate(_DRIVES):
        gap = (1000.0 + 15 * day, 2400.0 - 30 * day)
        campaign.drive(start=start, length_m=ROAD_M, gaps=[gap], backwards=day == 1)
        campaign.drive(
            start=start + timedelta(seconds=20),
            length_m=ROAD_M,
            gaps=[(1500.0, 2900.0), (4000.0, 4300.0)],
            silent=[(5000.0, 5200.0)] if day else (),
            modem="1-1.2",
            **_VINAPHONE,
        )
    # Data comes through, then it does not: what lies between is doubtful.
    for second, ok in ((200, True), (260, False), (300, True)):
        at = _DRIVES[0] + timedelta(seconds=second, milliseconds=500)
        along = 15.0 * second
        where = {"road": "QL14", "chainage_m": along, "offset_m": 3.0}
        campaign.check(at=at, ok=ok, lat=12.0 + along / METRES_PER_DEGREE, **where)


def _listed_point(campaign):
    lat, lon = GAP_POINT
    for visit, start in enumerate(_DRIVES[:2]):
        begins = start + timedelta(hours=5)
        for index in range(64):
            there = {
                "lat": lat + (index // 8 - 3.5) * 50 / 111_320,
                "lon": lon + (index % 8 - 3.5) * 51 / 108_900,
                "at": begins + timedelta(seconds=2 * index),
            }
            campaign.look(None, road=None, offset_m=None, **there)
            for second in (0, 1):
                there["at"] += timedelta(milliseconds=300)
                level_dbm = None if index % 5 == second and visit == 0 else -95.0
                campaign.look(
                    None, rsrp_dbm=level_dbm, road=None, offset_m=None, **there, **_VINAPHONE
                )
        for minute in (1, 2):
            campaign.check(at=begins + timedelta(minutes=minute), lat=lat, lon=lon)


def _centre(campaign):
    lat, lon = CENTRE
    for drive in _DRIVES[:2]:
        start = drive + timedelta(hours=8)
        for second in range(20):
            radio = Radio(
                registration=RegistrationState.HOME,
                plmn="45204",
                rrc_state="connect",
                serving=Cell(rat=Rat.LTE, mcc="452", mnc="04", rsrp_dbm=-90.0),
                nr=Cell(rat=Rat.NR, band=41, rsrp_dbm=-95.0),
            )
            at = start + timedelta(seconds=second)
            campaign.add("radio", radio, at=at, lat=lat, lon=lon)
        access(campaign, at=start, lat=lat, lon=lon, rat_class=RatClass.G5)


def _gsm(campaign):
    for day in range(3):
        heard = [("45204", 31, 4711, 70), ("45202", 31, 12 + day, 71), ("45601", 9, 9, 5)]
        scan(campaign, heard, at=OCTOBER + timedelta(days=day))
    served = Cell(rat=Rat.GSM, mcc="452", mnc="04", lac=31, cell_id=8, arfcn=70)
    radio = Radio(registration=RegistrationState.HOME, plmn="45204", serving=served)
    campaign.add("radio", radio, at=_DRIVES[0])


def _feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _point(lat, lon):
    return {"type": "Point", "coordinates": [lon, lat]}


def _layers(folder):
    layers = {
        "points": [
            _feature(_point(*GAP_POINT), kind="signal_gap", code="p1", name="Bon Pi Nao"),
            _feature(_point(*CENTRE), kind="district_centre", code="660", name="UBND Gia Nghĩa"),
        ],
        "exceptions": [
            _feature(None, road="QL14", from_m=1700.0, to_m=1930.0, kind="tunnel"),
            _feature(
                None, road="QL14", from_m=4100.0, to_m=4400.0, kind="detour", operator="VinaPhone"
            ),
        ],
        "people": [
            _feature(square(west + 0.01 * (n % 5), 11.95 + 0.01 * (n // 5), 0.01), population=n + 1)
            for west in (107.66, 107.86)
            for n in range(10)
        ],
        "maps": [
            _feature(square(107.6, 11.9, 0.2), operator="Viettel", technology="5g"),
            _feature(square(107.85, 11.9, 0.06), operator="VinaPhone", technology="5g"),
        ],
        "sites": [
            _feature(_point(12.0, 107.7), operator="Viettel", code=code, technology=technology)
            for code, technology in (("A", "4g"), ("B", "4g"), ("A", "5g"))
        ],
    }
    for name, features in layers.items():
        (folder / f"{name}.geojson").write_text(collection(name, features), encoding="utf-8")


def _drawn(config, campaign):
    """Viettel's map holds; of VinaPhone's a part is confirmed, and a part was never visited."""
    with ImportStore(config.store.imports) as store:
        for operator, plmn, west, count in (
            ("Viettel", "45204", 107.661, 12),
            ("VinaPhone", "45202", 107.861, 4),
        ):
            draw = Draw(
                operator=operator,
                technology="5g",
                period="2026-10",
                utc_us=round(OCTOBER.timestamp() * 1_000_000),
                drawn_utc="2026-10-01T00:00:00+00:00",
                seed=1,
                cells=5 * count,
                ground_sha256="",
            )
            cells = [
                DrawnCell(
                    number=n + 1,
                    district="660",
                    lat_deg=11.951,
                    lon_deg=west + 0.004 * n,
                    side_m=100.0,
                    population=2.0,
                    hits=5,
                )
                for n in range(count)
            ]
            store.add_draw(draw, cells)
            for cell in cells if operator == "Viettel" else cells[1:]:
                _visited(campaign, cell, plmn)


def _visited(campaign, cell, plmn):
    there = {
        "at": _DRIVES[2] + timedelta(hours=4),
        "lat": cell.lat_deg,
        "lon": cell.lon_deg,
        "home_plmn": plmn,
        "asked": RatMode.G5,
    }
    serving = Cell(rat=Rat.NR, mcc="452", mnc=plmn[3:], rsrp_dbm=-90.0)
    for _ in range(10):
        radio = Radio(registration=RegistrationState.HOME, plmn=plmn, serving=serving)
        campaign.add("radio", radio, **there)
    access(campaign, rat_class=RatClass.G5, plmn=plmn, **there)


def _imported(config, folder):
    """Samples one by one in one commune, a figure in the other."""
    samples = [
        f"2026-10-{1 + n // 24:02}T{n % 24:02}:{n % 3:02},24611,,,"
        f"{'Viettel' if n % 3 else 'VinaPhone'},4g,{45 + n % 7}"
        for n in range(310)
    ]
    figures = ["2026-10,24612,,4g,400,43.5,41", "2026-10,24612,Viettel,4g,150,44.5,42"]
    with ImportStore(config.store.imports) as store:
        for mapping, head, lines in (
            (SAMPLES, SAMPLE_HEAD, samples),
            (FIGURES, FIGURE_HEAD, figures),
        ):
            (folder / "map.toml").write_text(mapping.replace("old 71", "test-2024"))
            (folder / "file.csv").write_text("\n".join((head, *lines)))
            brought = bring(
                folder / "file.csv",
                read(folder / "map.toml"),
                place=place_of(load(folder / "collector.toml")),
                store=store,
                now=NOW,
            )
            assert brought.state == "taken", brought.bad_lines
