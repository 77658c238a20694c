"""Namespaces, capabilities and limits of the kernel, for this process and what it starts."""

import ctypes
import os
import resource
import sys
from pathlib import Path

from .limits import Limits
from .processes import threads_of_user

_LINUX = sys.platform == "linux"
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_CLONE_NEWIPC = 0x08000000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_CAP_DAC_READ_SEARCH, _CAPABILITIES = 2, 64
_OTHER_THREADS = 1000


def namespaces_work() -> bool:
    """Try namespaces in a process of its own: a failure would leave this one half changed."""
    if not _LINUX:
        return False
    pid = os.fork()
    if pid == 0:
        try:
            enter_namespaces()
            child = os.fork()  # the first process of the PID namespace
            if child == 0:
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def enter_namespaces() -> None:
    """Leave the network, and give the next processes that are started numbers of their own.

    The user stays the same; without a user namespace no other is allowed.

    Raises:
        OSError: The kernel does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC)
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent ends, so that none is lost."""
    if _LINUX:
        _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(signal: int) -> None:
    """Get a signal when the parent ends."""
    if _LINUX:
        _call("prctl", _PR_SET_PDEATHSIG, signal, 0, 0, 0)


def give_up_rights() -> None:
    """Make the next program that runs unable to raise its limits, also that of root.

    It may read what it could read before.
    """
    if not _LINUX:
        return
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(_CAPABILITIES):
        if capability != _CAP_DAC_READ_SEARCH:
            try:
                _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
            except OSError:  # the kernel has fewer, or a user has none to give up
                continue


def set_limits(limits: Limits) -> None:
    """Set the kernel's limits, which hold for each process.

    The number of processes is one of the user's, whatever they belong to, so that this limit is
    wide; the supervisor's is exact.
    """
    processes = threads_of_user() + limits.processes + _OTHER_THREADS
    seconds = limits.processor_seconds
    wanted = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),  # a signal that says why, and the last one
        resource.RLIMIT_FSIZE: (limits.file_size, limits.file_size),
        resource.RLIMIT_NOFILE: (limits.open_files, limits.open_files),
        resource.RLIMIT_NPROC: (processes, processes),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, values in wanted.items():
        _, hard = resource.getrlimit(kind)
        most = max(values) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(kind, (min(values[0], most), min(values[1], most)))


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*map(ctypes.c_ulong, arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
