"""The tables of the imports' file, step by step.

An older file is brought up to date, so no step is ever changed once it was released.
"""

from collections.abc import Callable

from sqlite_utils import Database


def version(database: Database) -> int:
    """How many of the steps the file has seen."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(database: Database) -> None:
    """Make what is missing. Each step happens wholly or not at all."""
    for number, step in enumerate(_STEPS[version(database) :], version(database) + 1):
        with database.atomic():
            step(database)
            database.execute(f"PRAGMA user_version = {number}")


_OF_EVERY_ROW = {"import_id": int, "line": int, "utc_us": int, "identity": str, "content": str}


def _imports_and_their_rows(database: Database) -> None:
    # A number is never given twice, so that none is said of two files.
    database.execute(
        """
        CREATE TABLE import (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, series TEXT, source TEXT, file TEXT,
            sha256 TEXT, bytes INTEGER, mapping TEXT, mapping_sha256 TEXT, mapping_text TEXT,
            imported_utc TEXT, state TEXT, lines INTEGER, rows INTEGER, refused INTEGER,
            withdrawn_utc TEXT, withdrawn_why TEXT
        ) STRICT
        """
    )
    bad = {"import_id": int, "line": int, "reason": str, "text": str}
    database.table("bad_line").create(bad, pk=("import_id", "line"), strict=True)
    samples = {
        "sample": str,
        "lat_deg": float,
        "lon_deg": float,
        "commune": str,
        "boundary_set": str,
        "operator": str,
        "technology": str,
        "download_mbit_s": float,
        "upload_mbit_s": float,
        "ping_ms": float,
    }
    figures = {
        "month": str,
        "commune": str,
        "boundary_set": str,
        "operator": str,
        "technology": str,
        "samples": int,
        "download_mean_mbit_s": float,
        "download_median_mbit_s": float,
        "upload_mean_mbit_s": float,
        "upload_median_mbit_s": float,
        "ping_median_ms": float,
    }
    reports = {
        "month": str,
        "commune": str,
        "boundary_set": str,
        "received": str,
        "operator": str,
        "reference": str,
        "signed_by": str,
        "figures": str,
    }
    for name, columns in (
        ("ispeed", samples),
        ("ispeed_month", figures),
        ("commune_report", reports),
    ):
        table = database.table(name)
        table.create(_OF_EVERY_ROW | columns, pk=("import_id", "line"), strict=True)
        table.create_index(["identity"])


def _audits(database: Database) -> None:
    """Random samples of declared coverage, drawn before anybody drives there."""
    draws = {
        "id": int,
        "operator": str,
        "technology": str,
        "period": str,
        "utc_us": int,
        "drawn_utc": str,
        "seed": int,
        "cells": int,
        "ground_sha256": str,
    }
    database.table("draw").create(draws, pk="id", strict=True)
    cells = {
        "draw_id": int,
        "number": int,
        "district": str,
        "lat_deg": float,
        "lon_deg": float,
        "side_m": float,
        "population": float,
        "hits": int,
    }
    database.table("drawn_cell").create(cells, pk=("draw_id", "number"), strict=True)


_STEPS: tuple[Callable[[Database], None], ...] = (_imports_and_their_rows, _audits)

VERSION = len(_STEPS)
"""Of a file that is up to date."""
