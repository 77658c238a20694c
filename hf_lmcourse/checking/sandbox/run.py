"""The caller's side: start a supervisor, and wait for what it reports."""

import json
import os
import site
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from .limits import Ending, Limits

_HERE = Path(__file__).parent
_START = str(_HERE.with_name("start.py"))
_SPARE_SECONDS = 30
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT")
"""Variables without which Python or a library may not be found."""


def run_limited(
    command: Sequence[str], folder: Path, limits: Limits, *, show_output: bool = True
) -> Ending:
    """Run a command in the subfolder `work`, which is created, of a temporary folder.

    It has an environment of its own and no standard input. When this returns, none of the
    processes that it has started is left.
    """
    work = folder / "work"
    work.mkdir()
    environment = _environment(work)
    if os.name != "posix":
        return _run_without_limits(command, work, environment, limits, show_output)
    job = {
        "command": list(command),
        "environment": environment,
        "folder": str(folder),
        "working_folder": str(work),
        "limits": asdict(limits),
    }
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", _START, str(_HERE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if show_output else subprocess.DEVNULL,
    )
    try:
        report, _ = supervisor.communicate(json.dumps(job).encode(), _longest(limits))
    except subprocess.TimeoutExpired:
        report = b""
    finally:
        _end(supervisor)
    try:
        return Ending(**json.loads(report))
    except (ValueError, TypeError):  # the supervisor was killed, and could report nothing
        return Ending(-9)


def _end(supervisor: "subprocess.Popen[bytes]") -> None:
    """Let the supervisor end everything; it does so too if this process is killed."""
    supervisor.terminate()
    try:
        supervisor.wait(_SPARE_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def _longest(limits: Limits) -> float:
    return limits.start_seconds + limits.seconds * len(limits.stages) + _SPARE_SECONDS


def _environment(work: Path) -> dict[str, str]:
    """Return the variables of the command: nothing of this process but where Python is found."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {
        "HOME": str(work),
        "TMPDIR": str(work),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",  # a GPU maps more memory than is allowed
        "PYTHONUSERBASE": site.getuserbase(),
    }


def _run_without_limits(
    command: Sequence[str], work: Path, environment: dict[str, str], limits: Limits, show: bool
) -> Ending:
    """Run where there are neither process groups nor limits: with a time limit alone."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=2 if show else subprocess.DEVNULL,
        stderr=None if show else subprocess.DEVNULL,
        cwd=work,
        env=environment,
    )
    try:
        return Ending(process.wait(_longest(limits)))
    except subprocess.TimeoutExpired:
        return Ending(-9, "time")
    finally:
        with suppress(OSError):
            process.kill()
        process.wait()
