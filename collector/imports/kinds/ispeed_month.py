"""i-Speed figures as they are published: of one commune and month, how many samples, how fast.

VNNIC states its figures "by the median method" since March 2024 and calls them average all the
same; the standards and facts behind target T1 keep both apart. So mean and median are two columns,
and a mapping has to say which of them a heading is.
"""

from typing import Any

import pyarrow as pa

from collector.imports.kinds.ispeed import MAX_PING_MS, MAX_RATE_MBIT_S
from collector.imports.line import Field, Line, Row, hashed
from collector.imports.local import begin_of
from collector.imports.values import Unusable

FIELDS = (
    Field("month", required=True),
    Field("commune", required=True, valued=True),
    Field("district", valued=True),
    Field("operator", valued=True),
    Field("technology", valued=True),
    Field("samples", required=True),
    Field("download_mean", unit="rate"),
    Field("download_median", unit="rate"),
    Field("upload_mean", unit="rate"),
    Field("upload_median", unit="rate"),
    Field("ping_median", unit="duration"),
)
COLUMNS = pa.schema(
    [
        ("month", pa.string()),
        ("commune", pa.string()),
        ("boundary_set", pa.string()),
        ("operator", pa.string()),
        ("technology", pa.string()),
        ("samples", pa.int64()),
        ("download_mean_mbit_s", pa.float64()),
        ("download_median_mbit_s", pa.float64()),
        ("upload_mean_mbit_s", pa.float64()),
        ("upload_median_mbit_s", pa.float64()),
        ("ping_median_ms", pa.float64()),
    ]
)
VERSIONS = True


def row(line: Line) -> Row:
    """The figures of a line; a later import of the same commune, month and so on replaces them."""
    month = line.month("month")
    commune = line.commune(month)
    samples = line.count("samples")
    if commune is None or samples is None:
        raise Unusable("commune" if commune is None else "samples", "is empty")
    rates = {
        f"{name}_mbit_s": line.number(name, low=0, high=MAX_RATE_MBIT_S)
        for name in ("download_mean", "download_median", "upload_mean", "upload_median")
    }
    if not samples and any(value is not None for value in rates.values()):
        raise Unusable("samples", "is 0, and a rate is given all the same")
    values: dict[str, Any] = {
        "month": f"{month:%Y-%m}",
        "commune": commune.code,
        "boundary_set": commune.boundary_set,
        "operator": line.operator(),
        "technology": line.technology(),
        "samples": samples,
        **rates,
        "ping_median_ms": line.number("ping_median", low=0, high=MAX_PING_MS),
    }
    names = ("month", "commune", "boundary_set", "operator", "technology")
    identity = hashed(*(values[name] for name in names))
    return Row(begin_of(month), identity, hashed(*values.values()), values)
