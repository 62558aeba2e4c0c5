"""JSON Schema of every kind of record, for dashboards and for whoever recomputes a verdict."""

from typing import Any

import msgspec

from wire.carried import Manifest
from wire.codec import PROBE_NAME
from wire.control import Ack, Presence
from wire.kinds import kinds
from wire.needs import SampleNeeds
from wire.signed_plan import SignedPlan


def schemas() -> dict[str, dict[str, Any]]:
    """Name to JSON Schema (2020-12): one per kind, and the others by name."""
    types: dict[str, Any] = {name: kind.measurement for name, kind in kinds().items()}
    types |= {"ack": Ack, "presence": Presence, "needs": SampleNeeds, "manifest": Manifest}
    types["signed-plan"] = SignedPlan
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name}
        | _with_kind(name, _with_probe(msgspec.json.schema(type_)))
        for name, type_ in types.items()
    }


def _with_kind(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Pin `kind` to the one word it can be in this schema."""
    for definition in schema.get("$defs", {}).values():
        properties = definition.get("properties", {})
        if "seq" in properties and "kind" in properties:
            properties["kind"] = {"const": name}
    return schema


def _with_probe(schema: dict[str, Any]) -> dict[str, Any]:
    """Say what a probe's name may be, which a reader of records checks by itself."""
    for definition in schema.get("$defs", {}).values():
        properties = definition.get("properties", {})
        if properties.get("probe") == {"type": "string"}:
            properties["probe"] = {"type": "string", "pattern": f"^{PROBE_NAME.pattern}$"}
    return schema
