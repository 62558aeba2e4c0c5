"""The way in, opened as the configuration says."""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.config import Config
from collector.geo import configured
from collector.ingest.intake import Intake
from collector.store.lake import Lake
from collector.store.ledger import Ledger


@contextmanager
def opened_intake(config: Config) -> Iterator[tuple[Intake, Ledger]]:
    """Lake and ledger open for writing, and what brings records into them.

    Raises `ConfigError`, `LakeError`, `LedgerError` and `LibraryError`.
    """
    locator = configured.locator(config)
    lake = Lake(config.store.lake)
    with Ledger(config.store.ledger, quarantine_rows=config.ingest.quarantine_rows) as ledger:
        ledger.claim_lake(lake.table_ids())
        yield Intake(lake, ledger, locator), ledger
