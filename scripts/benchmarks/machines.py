"""A training step that two machines share, by the speed of the link between them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from .links import linked_networks
from .processes import WorkerGroup
from .scaling import shared_step
from .timing import Comparison, Side, compare
from .tokens import zipf_tokens
from .wikitext2_step import StepSetting

__all__ = ["machines"]

_RATES = ("10gbit", "1gbit")
_BATCHES = (20, 160)


def machines(
    repeats: int = 9,
    setting: StepSetting | None = None,
    rates: Sequence[str] = _RATES,
    batches: Sequence[int] = _BATCHES,
) -> Iterator[Comparison]:
    """Time a step of one process, of two, and of two in networks of their own, a thread each.

    The gradients are averaged at each step: each process sends and receives as many bytes as the
    model has. With more rows to a step there is more to compute for them.
    """
    setting = replace(setting or StepSetting(vocabulary=10_000), dropout=0.0)
    for rows in batches:
        yield _step(replace(setting, streams=rows), rates, repeats)


def _step(setting: StepSetting, rates: Sequence[str], repeats: int) -> Comparison:
    amount = setting.streams * setting.length
    work = partial(shared_step, setting, zipf_tokens(30 * amount + 1, setting.vocabulary))
    unmeasured = {}
    with ExitStack() as stack:
        sides = []
        for name, processes in (("2 processes", 2), ("1 process", 1)):
            sides.append(Side(name, stack.enter_context(WorkerGroup(work, processes, 1)).step))
        for number, rate in enumerate(rates):
            name = f"2 machines, {rate.replace('gbit', ' Gbit/s')}"
            try:
                networks = stack.enter_context(linked_networks(rate, number))
            except OSError as error:
                unmeasured[name] = str(error)
                continue
            group = stack.enter_context(WorkerGroup(work, 2, 1, networks))
            sides.append(Side(name, group.step))
        found = compare(
            "training step, machines",
            f"{setting}, all words, float32",
            sides,
            repeats,
            amount=amount,
            unit="tokens",
        )
    return replace(found, unmeasured=unmeasured)
