"""`lmcourse train` as a script: `accelerate launch scripts/train.py configs/X.yaml [...]`."""

import ctypes
import os
import signal
import sys

import psutil
from accelerate.commands.launch import launch_command_parser

from hf_lmcourse.cli.main import main


def start_missing_processes() -> None:
    """Start N processes if accelerate was asked for N on a CPU and started one.

    accelerate 1.15 leaves `--cpu --num_processes N` to MPI: without a host file it sets the address
    where the processes would meet and silently starts the script once. Here the process replaces
    itself by torch's launcher, which starts all N, connected through gloo.
    """
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    if not on_cpu or launched() or "MASTER_PORT" not in os.environ:
        return
    processes = _requested_processes(psutil.Process().parent())
    if processes > 1:
        stop_with_parent()
        launcher = [sys.executable, "-m", "torch.distributed.run"]
        launcher += ["--nproc_per_node", str(processes), "--master_port", os.environ["MASTER_PORT"]]
        os.execv(sys.executable, [*launcher, *sys.argv])


def launched() -> bool:
    """Whether a launcher started this process as one of several."""
    return "LOCAL_RANK" in os.environ or "PMI_SIZE" in os.environ


def stop_with_parent() -> None:
    """Ask Linux for a SIGTERM when the launcher ends, which else leaves its processes behind."""
    set_parent_death_signal = 1
    try:
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
    except (AttributeError, OSError, TypeError):
        pass  # another system


def _requested_processes(parent: psutil.Process | None) -> int:
    """Read `--num_processes` from the command line of accelerate, which runs this script."""
    words = [] if parent is None else parent.cmdline()
    for index, word in enumerate(words):
        if word in ("launch", "accelerate.commands.launch") or word.endswith("launch.py"):
            options, _ = launch_command_parser().parse_known_args(words[index + 1 :])
            return options.num_processes or 1
    return 1


if __name__ == "__main__":
    start_missing_processes()
    if launched():
        stop_with_parent()
    sys.exit(main(["train", *sys.argv[1:]]))
