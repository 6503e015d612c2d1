"""`pnpm train …`, read off the command line."""

import signal
import sys

from .main import main


def stop(*_) -> None:
    """Unfinished folders are cleared away, however often it is asked to stop."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, stop)
sys.exit(main(sys.argv[1:]))
