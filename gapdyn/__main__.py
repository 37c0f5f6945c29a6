"""`python -m gapdyn` is the command line."""

import sys

from gapdyn.cli import main

if __name__ == "__main__":
    sys.exit(main())
