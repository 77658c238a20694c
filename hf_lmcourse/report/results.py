"""The result file of a finished run, and what it says about the machine and the versions."""

import importlib.metadata
import json
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from ..errors import LmcourseError
from .json_files import read_json, with_infinities, write_json
from .redact import redacted

if TYPE_CHECKING:
    import torch

_PACKAGES = (
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "accelerate",
    "tokenizers",
    "huggingface_hub",
    "hf_lmcourse",
)


@dataclass
class RunResult:
    """One finished run: what was run, on what, and what came out.

    Attributes:
        name: Name of the run, which is that of its YAML.
        model_type: Model type as in the model's config.
        corpus: Name of the corpus.
        config: The YAML of the run, relative to the repository; empty if there is none.
        command: The command that repeats the run; of a resumed one, also that of resuming, once.
        metrics: For each split the metrics by name, such as perplexity, nats_per_token, tokens.
        parameters: Number of trained parameters, shared ones counted once.
        seed: Seed of initialisation, dropout and data order.
        epochs: Passes over the training text, in part ones too.
        wall_time_seconds: Time of training and evaluation.
        device: Name of the processor, see `device_name`.
        threads: Number of threads that torch used.
        versions: Version of each library, see `environment_versions`.
        commit: Commit of this package's checkout, see `git_commit`.
        backend: What computed the recurrence in training, "native" or "torch"; empty if there is
            none, and in files of before it was chosen.
        precision: What training multiplied, "float32", "bf16" or "fp16"; empty in files of before
            it was recorded.
    """

    name: str
    model_type: str
    corpus: str
    config: str
    command: str
    metrics: dict[str, dict[str, float]]
    parameters: int
    seed: int
    epochs: float
    wall_time_seconds: float
    device: str
    threads: int
    versions: dict[str, str]
    commit: str | None
    backend: str = ""
    precision: str = ""

    def save(self, path: str | Path) -> None:
        """Write the result as JSON with sorted keys, whole or not at all; create its folder.

        A perplexity beyond the largest float is null there, and infinite again in `load`.

        Raises:
            LmcourseError: The file cannot be written.
        """
        write_json(path, asdict(self), sort_keys=True)

    @classmethod
    def load(cls, path: str | Path) -> "RunResult":
        """Read a result that `save` wrote.

        Raises:
            LmcourseError: The file is missing, not JSON, or not one result.
        """
        record = read_json(path)
        expected = {field.name: field.type for field in fields(cls)}
        if isinstance(record, dict):
            record = {"backend": "", "precision": ""} | record
        found = record.keys() if isinstance(record, dict) else set()
        if found != expected.keys():
            raise LmcourseError(
                f"{path} is not the result of a run: missing {sorted(expected.keys() - found)},"
                f" unknown {sorted(found - expected.keys())}; repeat the run to write it again."
            )
        wrong = [name for name, kind in expected.items() if not _fits(record[name], kind)]
        if wrong or not all(isinstance(metrics, dict) for metrics in record["metrics"].values()):
            raise LmcourseError(
                f"{path} is not the result of a run: wrong kind of value for"
                f" {', '.join(wrong or ['metrics'])}; repeat the run to write it again."
            )
        return cls(**record | {"metrics": with_infinities(record["metrics"])})


def load_results(directory: str | Path) -> list[RunResult]:
    """Read the results of single runs in a folder, sorted by file name.

    Files of studies, which have a list of `points`, are left out.

    Raises:
        LmcourseError: A file is broken.
    """
    paths = sorted(Path(directory).glob("*.json"))
    return [RunResult.load(path) for path in paths if not _is_study(read_json(path))]


def environment_versions() -> dict[str, str]:
    """Return the versions of Python and of those libraries that are installed, by name."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def provenance(words: Sequence[str], device: "torch.device | str" = "cpu") -> dict[str, Any]:
    """Return what any result file says about how it was made.

    Args:
        words: The command line, from `lmcourse` on; local paths are taken out.
        device: What computed.
    """
    import torch  # slow: `lmcourse recipes` only reads results

    return {
        "command": redacted(shlex.join(words)),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "versions": environment_versions(),
        "commit": git_commit(),
    }


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Write settings as the options of a command line, `--name value`.

    A mapping is written as JSON, and None or an empty list not at all.
    """
    words = []
    for name, value in options.items():
        if value is not None and value != () and value != []:
            text = json.dumps(value) if isinstance(value, dict) else value
            values = text if isinstance(text, list | tuple) else [text]
            words += [f"--{name}", *map(str, values)]
    return words


@cache
def git_commit() -> str | None:
    """Return the commit of this package's checkout when a process first asks, see `commit_of`.

    Results that a process writes later are of the same code, whatever has been committed since.
    """
    return commit_of(__file__)


def commit_of(file: str | Path) -> str | None:
    """Return the commit of the checkout that a file belongs to.

    Returns:
        The short hash, with "-dirty" when tracked files differ from it. None when the file is not
        tracked by git: an installed package may lie inside the checkout of another project.
    """
    path = Path(file).resolve()
    git = ["git", "-C", str(path.parent)]
    try:
        subprocess.run(
            [*git, "ls-files", "--error-unmatch", path.name], check=True, capture_output=True
        )
        describe = [*git, "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(describe, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def device_name(device: "torch.device | str" = "cpu") -> str:
    """Return the name of the graphics card of a CUDA device, otherwise that of the CPU.

    The name of the CPU is followed by the device type if the device is neither.
    """
    import torch  # as in `provenance`

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return _cpu_name() if device.type == "cpu" else f"{_cpu_name()} ({device.type})"


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _is_study(record: object) -> bool:
    return isinstance(record, list) or (isinstance(record, dict) and "points" in record)


def _fits(value: object, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, dict if get_origin(kind) is dict else kind)
