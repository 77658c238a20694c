"""Worlds of processes that train together, each of them forked: what they import is imported once.

Run as a script, it reads a list of jobs as JSON and prints what became of each: a list of
{"statuses": [exit status per process], "seconds": ...}. A job is

    {"size": 2, "words": [...]}                                 `lmcourse train` with these words
    {..., "stop": {"ranks": [1], "at": "step 5", "signal": 9}}  that some processes send themselves
    {"size": 2, "gradients": folder, "families": {name: [...]}} the gradients of the first steps

A process that has not ended after `PATIENCE` seconds is killed and has the status "hung".
"""

import faulthandler
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import TrainerCallback

from hf_lmcourse.cli.main import main
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.training import resuming
from hf_lmcourse.training.callbacks import WallTime

PATIENCE = 40.0


def run_world(size: int, work: Callable[[int], int]) -> list[int | str]:
    """Fork the processes of a world, and wait for all of them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(size):
        process = os.fork()
        if process == 0:
            world = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
            os.environ.update({name: str(number) for name, number in world.items()})
            os.environ.update(MASTER_ADDR="127.0.0.1", ACCELERATE_USE_CPU="true")
            os._exit(_status(work, rank))
        processes.append(process)
    return _wait(processes)


def _status(work: Callable[[int], int], rank: int) -> int:
    faulthandler.dump_traceback_later(PATIENCE / 2)  # says where a process hangs
    try:
        return work(rank)
    except BaseException as error:
        sys.stderr.write(f"rank {rank}: {type(error).__name__}: {error}\n")
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _wait(processes: list[int]) -> list[int | str]:
    statuses: dict[int, int | str] = {}
    deadline = time.monotonic() + PATIENCE
    while len(statuses) < len(processes):
        for process in set(processes) - statuses.keys():
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                statuses[process] = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                statuses[process] = "hung"
        time.sleep(0.01)
    return [statuses[process] for process in processes]


def stop_itself(at: str, number: int) -> None:
    """Let this process send itself a signal: at the start of a step, or while it saves."""
    what, _, step = at.partition(" ")

    def send() -> None:
        os.kill(os.getpid(), number)

    if what == "step":

        def begin(callback: Any, args: Any, state: Any, *_: Any, **__: Any) -> None:
            if state.global_step == int(step):
                send()

        WallTime.on_step_begin = begin  # type: ignore[method-assign]
        return
    place, name = {
        "before_weights": (resuming.ResumingTrainer, "save_model"),
        "before_random_state": (resuming.ResumingTrainer, "_save_rng_state"),
        "before_record": (resuming, "complete_record"),
    }[what]
    before, calls = getattr(place, name), [0]

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == int(step):
            send()
        return before(*args, **kwargs)

    setattr(place, name, interrupted)


def train(job: dict[str, Any], rank: int) -> int:
    stop = job.get("stop", {})
    if rank in stop.get("ranks", ()):
        stop_itself(stop["at"], stop["signal"])
    return main(["train", *job["words"]])


class Gradients(TrainerCallback):
    """Keeps the gradients of each step."""

    def __init__(self) -> None:
        self.kept: dict[str, torch.Tensor] = {}

    def on_pre_optimizer_step(self, args: Any, state: Any, *_: Any, **kwargs: Any) -> None:
        for name, parameter in getattr(
            kwargs["model"], "module", kwargs["model"]
        ).named_parameters():
            gradient = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
            self.kept[f"step {state.global_step}, {name}"] = gradient.clone()


def gradients(job: dict[str, Any], rank: int) -> int:
    folder, size = Path(job["gradients"]), job["size"]
    for family, words in job["families"].items():
        place = ["--output_dir", str(folder / f"{family}-{size}")]
        run, seen = prepare_run(read_settings([*words, *place]), ["lmcourse"]), Gradients()
        run.trainer.add_callback(seen)
        run.train()
        if rank == 0:
            save_file(seen.kept, folder / f"{family}-{size}.safetensors")
    return 0


def result_of(job: dict[str, Any]) -> dict[str, Any]:
    began, work = time.monotonic(), gradients if "gradients" in job else train
    statuses = run_world(job["size"], lambda rank: work(job, rank))
    return {"statuses": statuses, "seconds": round(time.monotonic() - began, 2)}


if __name__ == "__main__":
    gc.freeze()  # Trainer collects garbage, which is slow with everything that is imported
    results = [result_of(job) for job in json.loads(sys.argv[1])]
    sys.stdout.write(f"\n{json.dumps(results)}\n")
