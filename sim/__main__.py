"""`python -m sim` is `dosong-sim`."""

import sys

from sim.cli import main

sys.exit(main())
