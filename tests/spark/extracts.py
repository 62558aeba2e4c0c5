"""Which queries our targets ask, found by asking them."""

from typing import Any

import pyarrow as pa

from collector.config import Config
from collector.extracts import LakeSource
from collector.imports.table import source as imports
from collector.kpi import Extract, Period
from collector.store.engine import Tables
from collector.targets.ground import Geography
from collector.targets.judging import judge_target
from collector.targets.target import Target
from tests.spark.provinces import NOW


def extracts_of(target: Target, tables: Tables, config: Config) -> list[Extract]:
    """What one target reads of the lake, on the configured ground."""
    spy = _Spy(LakeSource(tables, imported=imports(config.store.imports)))
    for ground in Geography.configured(config).grounds(target, NOW):
        judge_target(spy, target, ground=ground, period=target.period.over(NOW, None))
    return spy.asked


class _Spy:
    """A source that remembers what was asked of it."""

    def __init__(self, source: LakeSource) -> None:
        self._source = source
        self.asked: list[Extract] = []

    def rows(self, extract: Extract, period: Period) -> pa.Table:
        return self.take(extract, period).rows

    def take(self, extract: Extract, period: Period) -> Any:
        self.asked.append(extract)
        return self._source.take(extract, period)

    def take_imported(self, kind: str, period: Period) -> Any:
        return self._source.take_imported(kind, period)
