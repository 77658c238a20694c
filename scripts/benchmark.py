"""Measure our speed beside public libraries: `python scripts/benchmark.py recurrent_layers`."""

import sys

from hf_lmcourse.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["bench", *(sys.argv[1:] or ["all"])]))
