"""The share of attempts to reach the Internet that failed, from `rows_in.csv`."""

import sys

from folder import compare, rows_that_count
from units import share


def main() -> int:
    """Compute, compare, and say so."""
    return compare(share(rows_that_count(), lambda row: row["failed"] == "true"))


if __name__ == "__main__":
    sys.exit(main())
