"""The monthly 4G report of a commune, as it reported (task 5 of the plan's annex, target A5).

What it says is kept as it stands: a report is a claim, and no verdict rests on its figures. That
it came, from whom and when, is what counts.
"""

from typing import Any

import msgspec
import pyarrow as pa

from collector.imports.line import Field, Line, Row, hashed
from collector.imports.local import begin_of
from collector.imports.values import Unusable

FIELDS = (
    Field("month", required=True),
    Field("commune", required=True, valued=True),
    Field("district", valued=True),
    Field("received"),
    Field("operator", valued=True),
    Field("reference"),
    Field("signed_by"),
)
COLUMNS = pa.schema(
    [
        ("month", pa.string()),
        ("commune", pa.string()),
        ("boundary_set", pa.string()),
        ("received", pa.string()),
        ("operator", pa.string()),
        ("reference", pa.string()),
        ("signed_by", pa.string()),
        ("figures", pa.string()),
    ]
)
VERSIONS = True


def row(line: Line) -> Row:
    """The report of a line; a later import for the same commune, month and operator replaces it."""
    month = line.month("month")
    commune = line.commune(month)
    if commune is None:
        raise Unusable("commune", "is empty")
    received = line.day("received")
    if received is not None and received < month:
        raise Unusable("received", f"{received} is before the month that it reports")
    values: dict[str, Any] = {
        "month": f"{month:%Y-%m}",
        "commune": commune.code,
        "boundary_set": commune.boundary_set,
        "received": None if received is None else received.isoformat(),
        "operator": line.operator(),
        "reference": line.text("reference"),
        "signed_by": line.text("signed_by"),
        "figures": msgspec.json.encode(line.figures, order="sorted").decode(),
    }
    names = ("month", "commune", "boundary_set", "operator")
    identity = hashed(*(values[name] for name in names))
    return Row(begin_of(month), identity, hashed(*values.values()), values)
