"""The only package that knows the query engine: the lake's tables as ibis tables.

One module per engine, `duckdb` and `spark`; everything else is written once, in ibis, and gives
the same rows whichever of them the URL names.
"""

from collector.store.engine.errors import EngineError
from collector.store.engine.tables import Tables, check, clock_anchors, connect

__all__ = ["EngineError", "Tables", "check", "clock_anchors", "connect"]
