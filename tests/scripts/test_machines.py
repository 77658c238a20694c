"""Two machines train as two processes do, over a link that is as slow as it says."""

import socket
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import pytest

from benchmarks import machines
from benchmarks.links import enter, linked_networks
from benchmarks.processes import WorkerGroup
from benchmarks.scaling import shared_step
from benchmarks.tokens import zipf_tokens
from benchmarks.wikitext2_step import StepSetting

STEP = StepSetting(
    vocabulary=30, width=8, streams=4, length=5, num_sampled=9, dropout=0.0, learning_rate=1.0
)


def linked(stack: ExitStack, rate: str) -> tuple[str, str]:
    try:
        return stack.enter_context(linked_networks(rate, number=99))
    except OSError as error:
        pytest.skip(str(error))


def in_network(network: str, work: partial[None]) -> threading.Thread:
    """A thread in a network, which it takes along when it ends."""

    def run() -> None:
        enter(network)
        work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_link_carries_what_its_rate_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "none")  # restored afterwards
    received, ready, sent = [0], threading.Event(), 500_000

    def listen() -> None:
        with socket.create_server(("10.0.0.1", 5000)) as server:
            ready.set()
            connection, _ = server.accept()
            while part := connection.recv(1 << 16):
                received[0] += len(part)

    def send() -> None:
        assert ready.wait(10)
        with socket.create_connection(("10.0.0.1", 5000), 10) as connection:
            connection.sendall(bytes(sent))

    with ExitStack() as stack:
        first, second = linked(stack, "8mbit")  # a million bytes a second
        start = time.perf_counter()
        for thread in [in_network(first, partial(listen)), in_network(second, partial(send))]:
            thread.join(30)
        seconds = time.perf_counter() - start
    assert received == [sent]
    assert seconds > (sent - 256_000) / 1_000_000, "all but the first burst waits"
    with pytest.raises(OSError, match="No such file"):
        enter(first)


@pytest.mark.slow
def test_two_machines_have_the_losses_of_two_processes() -> None:
    work = partial(shared_step, STEP, zipf_tokens(200, STEP.vocabulary))
    with ExitStack() as stack:
        pair = linked(stack, "1gbit")
        here, apart = (stack.enter_context(WorkerGroup(work, 2, 1, n)) for n in ((), pair))
        for _ in range(3):
            assert apart.step() == here.step()


class NoGroup(AbstractContextManager["NoGroup"]):
    """Replaces processes, which take time to start."""

    def __init__(self, work: object, processes: int, threads: int, networks: object = ()) -> None:
        self.step = lambda: processes * threads

    def __exit__(self, *exception: object) -> None: ...


def test_a_link_that_cannot_be_made_is_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "WorkerGroup", NoGroup)
    monkeypatch.setenv("PATH", "")
    (row,) = machines.machines(1, STEP, ["1gbit"], batches=[4])
    assert list(row.medians) == ["2 processes", "1 process"]
    assert "ip" in row.unmeasured["2 machines, 1 Gbit/s"]
