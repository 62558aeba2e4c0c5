"""i-Speed samples, one line each: when, where, by whom served, how fast.

i-Speed is VNNIC's measurement from users' telephones and browsers. Its samples are the evidence
that the provincial plan names for targets T1, T8 and A5.
"""

import pyarrow as pa

from collector.imports.line import Field, Line, Row, hashed
from collector.imports.local import local_day
from collector.imports.values import Unusable

MAX_RATE_MBIT_S = 20_000.0
"""No handset of today is faster; a larger number was given in another unit."""
MAX_PING_MS = 60_000.0

FIELDS = (
    Field("time", required=True),
    Field("sample"),
    Field("lat_deg"),
    Field("lon_deg"),
    Field("commune", valued=True),
    Field("district", valued=True),
    Field("operator", valued=True),
    Field("technology", valued=True),
    Field("download", required=True, unit="rate"),
    Field("upload", unit="rate"),
    Field("ping", unit="duration"),
)
COLUMNS = pa.schema(
    [
        ("sample", pa.string()),
        ("lat_deg", pa.float64()),
        ("lon_deg", pa.float64()),
        ("commune", pa.string()),
        ("boundary_set", pa.string()),
        ("operator", pa.string()),
        ("technology", pa.string()),
        ("download_mbit_s", pa.float64()),
        ("upload_mbit_s", pa.float64()),
        ("ping_ms", pa.float64()),
    ]
)
VERSIONS = False


def row(line: Line) -> Row:
    """The sample of a line.

    Two lines with one number (`sample`) of one series are one sample, and must say the same.
    Without numbers two lines that say exactly the same are one sample: an inflated count would
    pass for evidence.
    """
    utc = line.instant("time")
    lat_deg = line.number("lat_deg", low=-90, high=90)
    lon_deg = line.number("lon_deg", low=-180, high=180)
    if (lat_deg is None) != (lon_deg is None):
        raise Unusable("lat_deg", "one of latitude and longitude is empty")
    commune = line.commune(local_day(utc))
    if commune is None and lat_deg is None:
        raise Unusable("commune", "neither a commune nor a position is given")
    download_mbit_s = line.number("download", low=0, high=MAX_RATE_MBIT_S)
    if download_mbit_s is None:
        raise Unusable("download", "is empty")
    values = {
        "sample": line.text("sample"),
        "lat_deg": lat_deg,
        "lon_deg": lon_deg,
        "commune": None if commune is None else commune.code,
        "boundary_set": None if commune is None else commune.boundary_set,
        "operator": line.operator(),
        "technology": line.technology(),
        "download_mbit_s": download_mbit_s,
        "upload_mbit_s": line.number("upload", low=0, high=MAX_RATE_MBIT_S),
        "ping_ms": line.number("ping", low=0, high=MAX_PING_MS),
    }
    content = hashed(utc.isoformat(), *(values[name] for name in COLUMNS.names))
    if values["sample"] is None:
        return Row(utc, content, content, values)
    return Row(utc, hashed("sample", line.series, values["sample"]), content, values)
