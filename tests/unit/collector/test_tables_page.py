"""The page on tables names every column that the collector adds."""

from pathlib import Path

import pytest

from collector.store import columns

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tables.md"


@pytest.mark.parametrize(
    "column", ["date", "received_utc", *columns.AREA_COLUMNS.names, "utc_source"]
)
def test_every_added_column_is_explained(column):
    assert f"`{column}`" in PAGE.read_text()
