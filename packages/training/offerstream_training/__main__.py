"""`pnpm train …`, read off the command line."""

import sys

from .main import main

sys.exit(main(sys.argv[1:]))
