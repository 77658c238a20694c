"""The C++ of this folder, compiled for this processor if there is a compiler.

The first use of a kernel takes the compiler some seconds; the library stays in the `cache_folder`.
It is code: it is loaded only if nobody else can have written it, and its name ends in the hash of
its content, so that a damaged one is compiled again. Without a compiler, in a cache folder that
others may write to, or with LMCOURSE_KERNELS=0 in the environment, there is no kernel and the
layers compute the same in torch. CXX names another compiler, with flags of its own:
CXX="c++ -mno-amx-tile" does without the tiles of Intel AMX.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers.utils import logging

from ..cache_folder import make_cache_folder
from ..errors import LmcourseError

_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp", "-fPIC", "-shared")
_SECONDS = 120
_UNFINISHED = "compiling-"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

logger = logging.get_logger(__name__)


@functools.cache
def kernel(name: str) -> ctypes.CDLL | None:
    """A library of C functions.

    Args:
        name: Of the C++ file in this folder, without its extension.

    Returns:
        `None` if it cannot be compiled or is not wanted.
    """
    if os.environ.get("LMCOURSE_KERNELS") == "0" or os.name != "posix":
        return None
    source = Path(__file__).with_name(f"{name}.cpp")
    compiler = shlex.split(os.environ.get("CXX") or "c++")
    try:
        folder = make_cache_folder()
        if not _is_ours(folder):
            raise PermissionError(f"others may write to {folder}")
        stem = f"{name}-{_key(source, compiler)}"
        path = _whole(folder, stem) or _compile(compiler, source, folder, stem)
        return ctypes.CDLL(str(path))
    except (OSError, LmcourseError, subprocess.SubprocessError) as error:
        logger.info(f"{source.name} is not used, torch does the same more slowly: {error}")
        return None


def is_plain(x: Tensor) -> bool:
    """Whether the memory of a tensor on the CPU has its values.

    A subclass, a sparse tensor, a view of the negatives of what is in memory, and what torch.func
    hands to a function that it transforms keep them elsewhere.
    """
    return (
        type(x) in (Tensor, nn.Parameter)
        and x.device.type == "cpu"
        and torch._C._has_storage(x)
        and not x.is_neg()
    )


def kernel_function(
    name: str, function: str, x: Tensor, size: int = 0
) -> Callable[..., None] | None:
    """A function of a kernel for the dtype of a tensor.

    Args:
        name: Of the kernel.
        function: Its name without the dtype.
        x: What is to be multiplied. A kernel knows float32, and bfloat16 if the processor
            multiplies it, two at a time; on a CPU.
        size: How many values each sum of products has, if there are any.

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
    about = [version.stdout, " ".join([*compiler, *_FLAGS]).encode(), _processor()]
    about += [file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(about)).hexdigest()[:16]


def _processor() -> bytes:
    try:
        lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    except OSError:
        return " ".join(platform.uname()).encode()
    return b"".join(sorted({x for x in lines if x.startswith((b"flags", b"model name"))}))


def _is_ours(path: Path) -> bool:
    """Whether nobody but this user and root can have written a file or a folder."""
    status = path.stat()
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_WRITE


def _whole(folder: Path, stem: str) -> Path | None:
    """The compiled library, if there is one; whatever else has its name is removed."""
    for path in folder.glob(f"{stem}-*.so"):
        if _is_ours(path) and path.name == _file_name(stem, path):
            return path
        path.unlink(missing_ok=True)
    return None


def _file_name(stem: str, path: Path) -> str:
    return f"{stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.so"


def _compile(compiler: list[str], source: Path, folder: Path, stem: str) -> Path:
    """Compile into a file of another name first, so that no process loads half a library."""
    for left in folder.glob(f"{_UNFINISHED}*"):  # of a process that was killed
        if time.time() - left.stat().st_mtime > 2 * _SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as unfinished:
        made = Path(unfinished, f"{stem}.so")
        command = [*compiler, *_FLAGS, str(source), "-o", str(made)]
        subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
        made.chmod(made.stat().st_mode & ~_OTHERS_WRITE)  # whatever the umask
        return made.replace(folder / _file_name(stem, made))
