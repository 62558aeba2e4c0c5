"""Strategies: any record that a probe could write, of every kind there is."""

from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st

from wire.cells import Plmn, TestRadio
from wire.kinds import kinds
from wire.messages import Measurement, Sim

moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis wants naive bounds
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
st.register_type_strategy(datetime, moments)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(min_value=-(2**63), max_value=2**63 - 1))


def values(type_):
    """Any value of an annotation; hypothesis does not know what msgspec asks of a string."""
    if type_ == Plmn | None:
        return st.none() | st.from_regex(r"[0-9]{5,6}", fullmatch=True)
    return st.from_type(type_)


def struct(type_):
    """Any value of a struct, each field from its annotation."""
    fields = msgspec.structs.fields(type_)
    return st.builds(type_, **{field.name: values(field.type) for field in fields})


for part in (Sim, TestRadio):
    st.register_type_strategy(part, struct(part))


def payloads(kind):
    return struct(kind.payload)


@st.composite
def measurements(draw):
    kind = draw(st.sampled_from(list(kinds().values())))
    envelope = {
        field.name: draw(values(field.type))
        for field in msgspec.structs.fields(Measurement)
        if field.name not in {"probe", "seq", "kind", "schema", "payload"}
    }
    return Measurement(
        **envelope,
        probe=draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)),
        seq=draw(st.integers(min_value=1, max_value=2**63 - 1)),
        kind=kind.name,
        schema=kind.schema,
        payload=draw(st.none() | payloads(kind)),
    )
