"""`lmcourse train` as a script: `accelerate launch scripts/train.py configs/X.yaml [...]`."""

import sys

from hf_lmcourse.cli.main import main
from hf_lmcourse.training.launch import start_missing_processes

if __name__ == "__main__":
    start_missing_processes()
    sys.exit(main(["train", *sys.argv[1:]]))
