"""`python -m arraysim`."""

import sys

from arraysim.cli import main

if __name__ == "__main__":
    sys.exit(main())
