"""JSON Schema of every kind of record, for dashboards and for whoever recomputes a verdict."""

from typing import Any

import msgspec

from wire.control import Ack, Presence
from wire.kinds import kinds
from wire.needs import SampleNeeds


def schemas() -> dict[str, dict[str, Any]]:
    """Name to JSON Schema (2020-12): one per kind, plus `ack`, `presence` and `needs`."""
    types: dict[str, Any] = {name: kind.measurement for name, kind in kinds().items()}
    types |= {"ack": Ack, "presence": Presence, "needs": SampleNeeds}
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name}
        | _with_kind(name, msgspec.json.schema(type_))
        for name, type_ in types.items()
    }


def _with_kind(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Pin `kind` to the one word it can be in this schema."""
    for definition in schema.get("$defs", {}).values():
        properties = definition.get("properties", {})
        if "seq" in properties and "kind" in properties:
            properties["kind"] = {"const": name}
    return schema
