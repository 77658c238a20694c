"""Hostile programs are stopped by limits, and nothing of them is left.

Each ends by itself too, so that a failing test leaves nothing for long.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hf_lmcourse.checking import runner
from hf_lmcourse.checking.sandbox import run
from hf_lmcourse.checking.sandbox.limits import MIB, Ending, Limits
from hf_lmcourse.checking.sandbox.run import run_limited

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

WITHOUT_NAMESPACES = """\
import importlib, sys
from pathlib import Path
sys.path.insert(0, {checking!r})
import start
main = importlib.import_module(start.load(Path(sys.argv[1])) + ".main")
main.namespaces_work = lambda: False
main.main([])
"""

DAEMON = """\
import os, signal, sys, time
for number in range(1, signal.NSIG):
    if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
        signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        time.sleep(20)
        os._exit(0)
    os._exit(0)
open("started", "w").close()
"""

CALLER = """\
import signal, sys
from pathlib import Path
sys.path.insert(0, {checking!r})
from sandbox import run
from sandbox.limits import Limits
signal.signal(signal.SIGINT, signal.default_int_handler)
run._START = {start!r}
command = [sys.executable, "-S", "-c", {source!r}, sys.argv[1]]
run.run_limited(command, Path(sys.argv[1]), Limits(seconds=20, start_seconds=20))
"""


@pytest.fixture(params=["namespaces", "no namespaces"])
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system that allows namespaces (if this one does), and one that does not."""
    if request.param == "no namespaces":
        script = tmp_path / "start_without.py"
        script.write_text(WITHOUT_NAMESPACES.format(checking=str(run._HERE.parent)))
        monkeypatch.setattr(run, "_START", str(script))
    return request.param


def run_program(tmp_path: Path, source: str, seconds: float = 10, **limits: object) -> Ending:
    """Run a program; its folder is an argument, by which its processes are recognised."""
    folder = tmp_path / "folder"
    folder.mkdir()
    wanted = Limits(**{"seconds": seconds, "start_seconds": seconds, **limits})  # type: ignore
    return run_limited([sys.executable, "-S", "-c", source, str(tmp_path)], folder, wanted)


def left_of(tmp_path: Path) -> list[str]:
    """The processes that are left, without those that have ended and are not yet reaped."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(tmp_path).encode() in words:
            found.append(process.name)
    return found


def await_that(condition: Callable[[], bool]) -> None:
    """Wait until something is so, which it must be soon."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_status_is_that_of_the_program(tmp_path: Path, system: str) -> None:
    ending = run_program(tmp_path, "raise SystemExit(3)")
    assert (ending.status, ending.exceeded) == (3, "")
    assert not (ending.isolated and system == "no namespaces")


def test_the_signal_that_ended_the_program_is_reported(tmp_path: Path, system: str) -> None:
    assert run_program(tmp_path, "import os; os.abort()").status == -signal.SIGABRT


def test_the_environment_is_empty_and_the_folder_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "of ours")
    run_program(tmp_path, "import os, tempfile as t; print(*os.environ, os.getcwd(), t.tempdir)")
    printed = capfd.readouterr().err
    assert "SECRET" not in printed and "HOME" in printed
    assert str(tmp_path / "folder" / "work") in printed


def test_a_fork_bomb_is_stopped(tmp_path: Path, system: str) -> None:
    source = "import os, time\nfor _ in range(500):\n    os.fork() or (time.sleep(20), os._exit(0))"
    ending = run_program(tmp_path, source + "\ntime.sleep(20)", processes=20)
    assert "20 processes" in ending.exceeded
    assert left_of(tmp_path) == []


def test_ten_gigabytes_of_output_are_read_and_dropped(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = (
        "import os, time\nend = time.monotonic() + 10\nfor _ in range(10 * 2**14):\n"
        "    os.write(1, b'x' * 2**16)\n    if time.monotonic() > end: break"
    )
    ending = run_program(tmp_path, source, seconds=1, output=1000)
    assert ending.exceeded in ("time", "")  # a fast machine gets there
    assert 1000 < len(capfd.readouterr().err) < 1200


@pytest.mark.parametrize("some", ["bytearray(60 * 2**20)", "mmap.mmap(-1, 60 * 2**20)"])
def test_memory_of_all_processes_together_is_limited(
    tmp_path: Path, system: str, some: str
) -> None:
    source = (
        "import os, time, mmap\nfor _ in range(4):\n    if os.fork() == 0:\n"
        f"        some = {some}\n        some[:] = bytes(len(some))\n"
        "        time.sleep(20)\n        os._exit(0)\n"
        "time.sleep(20)"
    )
    assert "100 MiB of memory" in run_program(tmp_path, source, memory=100 * MIB).exceeded
    assert left_of(tmp_path) == []


def test_a_large_file_and_many_files_are_refused(tmp_path: Path) -> None:
    source = "f = open('large', 'wb')\nfor _ in range(50):\n    f.write(bytes(2**20))"
    ending = run_program(tmp_path, source, file_size=4 * MIB)
    assert ending.status != 0
    assert (tmp_path / "folder/work/large").stat().st_size <= 4 * MIB


def test_a_full_folder_is_noticed(tmp_path: Path) -> None:
    source = "import time\nfor n in range(200):\n    open(str(n), 'w')\ntime.sleep(20)"
    assert "100 files" in run_program(tmp_path, source, folder_files=100).exceeded


def test_folders_in_folders_are_noticed_and_removed(tmp_path: Path) -> None:
    source = (
        "import os, time\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\ntime.sleep(20)"
    )
    with runner._temporary_folder() as folder:
        command = [sys.executable, "-S", "-c", source]
        ending = run_limited(command, folder, Limits(seconds=10, start_seconds=10))
    assert "files in its folder" in ending.exceeded
    assert not folder.exists()


def test_a_daemon_that_ignores_signals_does_not_survive(tmp_path: Path, system: str) -> None:
    ending = run_program(tmp_path, DAEMON)
    assert (tmp_path / "folder/work/started").exists()
    assert (ending.status, ending.exceeded) == (0, "")
    assert left_of(tmp_path) == []


def test_an_endless_loop_that_ignores_signals_is_stopped(tmp_path: Path, system: str) -> None:
    start = time.monotonic()
    source = DAEMON + "end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    assert run_program(tmp_path, source, seconds=1).exceeded == "time"
    assert time.monotonic() - start < 15
    assert left_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_if_the_caller_is_killed(
    tmp_path: Path, system: str, number: signal.Signals
) -> None:
    script = CALLER.format(
        checking=str(run._HERE.parent), start=run._START, source=DAEMON + "time.sleep(20)"
    )
    (tmp_path / "folder").mkdir()
    command = [sys.executable, "-S", "-c", script, str(tmp_path / "folder")]
    caller = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    await_that((tmp_path / "folder/work/started").exists)
    caller.send_signal(number)
    caller.wait(10)
    await_that(lambda: left_of(tmp_path / "folder") == [])


def test_processor_time_is_limited_by_the_kernel(tmp_path: Path, system: str) -> None:
    source = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    ending = run_program(tmp_path, source, seconds=15, processor_seconds=1)
    assert (ending.status, ending.exceeded) == (-signal.SIGXCPU, "processor time")


def test_each_stage_has_its_own_time(tmp_path: Path) -> None:
    source = "import time\nfor n in 'ab':\n    time.sleep(0.7)\n    open('../' + n, 'w')"
    assert run_program(tmp_path, source, seconds=1.2, stages=["a", "b"]).exceeded == ""


def test_a_stage_that_appears_twice_is_one(tmp_path: Path) -> None:
    source = (
        "import os, time\nfor _ in range(20):\n    open('../a', 'w')\n    time.sleep(0.5)\n"
        "    os.remove('../a')\n    time.sleep(0.5)"
    )
    assert run_program(tmp_path, source, seconds=1.2, stages=["a"]).exceeded == "time"


def test_limits_cannot_be_raised_again(tmp_path: Path, system: str) -> None:
    source = (
        "import resource\n_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard + 1, hard + 1))"
    )
    assert run_program(tmp_path, source).status == 1


def test_the_network_is_closed_or_the_ending_says_otherwise(tmp_path: Path, system: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)"
        ending = run_program(tmp_path, source)
    reached = ending.status == 0
    assert reached is not ending.isolated


def test_an_isolated_program_sees_no_other_process(tmp_path: Path) -> None:
    ending = run_program(tmp_path, "import os; raise SystemExit(os.getpid() > 10)")
    if not ending.isolated:
        pytest.skip("this system allows no namespaces")
    assert ending.status == 0


def test_where_there_are_no_limits_time_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_SPARE_SECONDS", 0)
    limits = Limits(seconds=1, start_seconds=1)
    for source, ending in {
        "raise SystemExit(3)": Ending(3),
        "import time; time.sleep(20)": Ending(-9, "time"),
    }.items():
        command = [sys.executable, "-S", "-c", source]
        assert run._run_without_limits(command, tmp_path, {}, limits, False) == ending
