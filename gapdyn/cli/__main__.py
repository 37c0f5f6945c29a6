"""`python -m gapdyn.cli` is the command line, as `python -m gapdyn` is."""

import sys

from gapdyn.cli import main

if __name__ == "__main__":
    sys.exit(main())
