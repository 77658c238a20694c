"""Several processes on a CPU by `accelerate launch --cpu --num_processes N`."""

import os
import sys

import psutil
from accelerate.commands.launch import launch_command_parser

__all__ = ["start_missing_processes"]


def start_missing_processes() -> None:
    """Become N processes where accelerate was asked for N on a CPU and started one.

    accelerate 1.15 leaves `--cpu --num_processes N` to MPI: without a host file it sets the address
    where processes would meet and starts the script once; N - 1 of them are missing without a word.
    Here the process replaces itself by torch's launcher, which starts N that talk through gloo.
    Otherwise nothing happens.
    """
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    launched = "LOCAL_RANK" in os.environ or "PMI_SIZE" in os.environ
    if not on_cpu or launched or "MASTER_PORT" not in os.environ:
        return
    processes = _requested_processes(psutil.Process().parent())
    if processes > 1:
        launcher = [sys.executable, "-m", "torch.distributed.run"]
        launcher += ["--nproc_per_node", str(processes), "--master_port", os.environ["MASTER_PORT"]]
        os.execv(sys.executable, [*launcher, *sys.argv])


def _requested_processes(parent: psutil.Process | None) -> int:
    """What `--num_processes` says on the command line of accelerate, which runs this script."""
    words = [] if parent is None else parent.cmdline()
    for index, word in enumerate(words):
        if word in ("launch", "accelerate.commands.launch") or word.endswith("launch.py"):
            options, _ = launch_command_parser().parse_known_args(words[index + 1 :])
            return options.num_processes or 1
    return 1
