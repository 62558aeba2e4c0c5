"""The share of places and hours with a usable level, and its limits, from `rows_in.csv`.

All looks of one operator on one square of 100 m in one clock hour are one sample, met as far as its
looks met it: served by LTE or NR of the home network at the level that `target.toml` asks for.
"""

import sys

from folder import Row, compare, read_parameters, rows_that_count
from units import share


def main() -> int:
    """Compute, compare, and say so."""
    least = read_parameters()["min_rsrp_dbm"]

    def met(row: Row) -> bool:
        return row["met"] == "true" and float(row["rsrp_dbm"]) >= least

    return compare(share(rows_that_count(), met, each_unit_once=True))


if __name__ == "__main__":
    sys.exit(main())
