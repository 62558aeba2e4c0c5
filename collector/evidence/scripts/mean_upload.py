"""The mean upload rate of a verdict, and its limits, from `rows_in.csv`; see `rates.py`."""

import sys

from rates import main

if __name__ == "__main__":
    sys.exit(main())
