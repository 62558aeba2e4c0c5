"""The share of video sessions that reach a rate, and its limits, from `rows_in.csv`.

Every row is one attempt; one that the network failed has not reached the rate.
"""

import sys

from folder import Row, compare, read_parameters, rows_that_count
from units import share


def main() -> int:
    """Compute, compare, and say so."""
    fast = read_parameters()["rate_mbit_s"]

    def met(row: Row) -> bool:
        return row["failed"] == "false" and float(row["rate_mbit_s"]) >= fast

    return compare(share(rows_that_count(), met))


if __name__ == "__main__":
    sys.exit(main())
