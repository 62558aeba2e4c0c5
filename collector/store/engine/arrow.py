"""One Arrow type for each type of an expression, whatever an engine would answer with."""

from typing import Any

import pyarrow as pa


def canonical(table: pa.Table, schema: Any) -> pa.Table:
    """The rows in the Arrow types that an ibis schema stands for.

    Text is `string`, instants are microseconds (in UTC where they have a zone), and every column
    may hold nulls: what an engine knows of a result differs, what is in it does not.
    """
    fields = [pa.field(name, _type(dtype.to_pyarrow())) for name, dtype in schema.items()]
    return table.cast(pa.schema(fields))


def _type(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz=None if type_.tz is None else "UTC")
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.list_(_type(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _type(field.type)) for field in type_])
    if pa.types.is_large_string(type_):
        return pa.string()
    return type_
