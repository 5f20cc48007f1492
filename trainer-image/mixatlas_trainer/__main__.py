"""`python -m mixatlas_trainer`: the image's entry point, fit to be PID 1."""

import os
import signal
import sys

if __name__ == "__main__":
    # Loading torch takes seconds, in which PID 1 would ignore SIGTERM; nothing is lost by then.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    from mixatlas_trainer.main import main

    sys.exit(main(os.environ))
