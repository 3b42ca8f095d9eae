"""`python -m csi` is the command `csi-3par`."""

import sys

from csi.cli import main

sys.exit(main())
