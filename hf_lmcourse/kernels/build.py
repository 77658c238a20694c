"""The C++ of this folder, compiled for this processor if there is a compiler.

The first use of a kernel takes the compiler some seconds; the library stays in the `cache_folder`.
Without a compiler, or with LMCOURSE_KERNELS=0 in the environment, there is no kernel and the layers
compute the same in torch. CXX names another compiler.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers.utils import logging

from ..cache_folder import cache_folder

_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp", "-fPIC", "-shared")
_SECONDS = 120

logger = logging.get_logger(__name__)


@functools.cache
def kernel(name: str) -> ctypes.CDLL | None:
    """A library of C functions.

    Args:
        name: Of the C++ file in this folder, without its extension.

    Returns:
        `None` if it cannot be compiled or is not wanted.
    """
    if os.environ.get("LMCOURSE_KERNELS") == "0":
        return None
    source = Path(__file__).with_name(f"{name}.cpp")
    compiler = shlex.split(os.environ.get("CXX") or "c++")
    try:
        path = cache_folder() / f"{name}-{_key(source, compiler)}.so"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _compile(compiler, source, path)
        return ctypes.CDLL(str(path))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # or no home folder
        logger.info(f"{source.name} is not used, torch does the same more slowly: {error}")
        return None


def is_plain(x: Tensor) -> bool:
    """Whether a tensor has its values in CPU memory: not a subclass, nor on a GPU."""
    return type(x) in (Tensor, nn.Parameter) and x.device.type == "cpu"


def kernel_function(name: str, function: str, x: Tensor, size: int) -> Callable[..., None] | None:
    """A function of a kernel for the dtype of a tensor.

    Args:
        name: Of the kernel.
        function: Its name without the dtype.
        x: What is to be multiplied. A kernel knows float32, and bfloat16 if the processor
            multiplies it, two at a time; on a CPU.
        size: How many values each sum of products has.

    Returns:
        A function of tensors (`None` for a missing one), then of integers; `None` if there is no
        such kernel, and while torch.jit traces.
    """
    if torch.jit.is_tracing() or not is_plain(x):
        return None
    known = x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and size % 2 == 0)
    library = kernel(name) if known else None
    full_name = f"{function}_{str(x.dtype).removeprefix('torch.')}"
    if library is None or not hasattr(library, full_name):
        return None
    compiled = library[full_name]

    def call(*arguments: Tensor | int | None) -> None:
        compiled(*map(_in_c, arguments), ctypes.c_int(torch.get_num_threads()))

    return call


def _in_c(argument: Tensor | int | None) -> ctypes.c_int64 | ctypes.c_void_p:
    if isinstance(argument, int):
        return ctypes.c_int64(argument)
    if argument is not None and not is_plain(argument):
        raise ValueError(f"a kernel cannot read a {type(argument).__name__} on {argument.device}")
    return ctypes.c_void_p(None if argument is None else argument.data_ptr())


def _key(source: Path, compiler: list[str]) -> str:
    """A hash of all that the compiled file depends on: a folder may be shared by many machines."""
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=True, timeout=10)
    files = [source, *sorted(source.parent.glob("*.h"))]
    about = [version.stdout, " ".join(_FLAGS).encode(), _processor()]
    about += [file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(about)).hexdigest()[:16]


def _processor() -> bytes:
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return " ".join(platform.uname()).encode()
    return b"".join(sorted({x for x in lines if x.startswith((b"flags", b"model name"))}))


def _compile(compiler: list[str], source: Path, path: Path) -> None:
    """Compile into a file of another name first, so that no process loads half a library."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, path.name)
        command = [*compiler, *_FLAGS, str(source), "-o", str(made)]
        subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
        os.replace(made, path)
