"""`python -m mixatlas_trainer`: the image's entry point, fit to be PID 1."""

import os
import sys

from mixatlas_trainer.main import main

if __name__ == "__main__":
    sys.exit(main(os.environ))
