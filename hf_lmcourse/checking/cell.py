"""A student's own step of a recurrence, in the place of ours in a model that is trained.

The task that it must pass says what it computes, so the weights belong to the layer and not to the
step: a model that was trained with it is saved as the one of the package that it is.
"""

import copy
import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import LmcourseError
from ..layers.recurrence import DenseRecurrence, State
from ..text_perplexity.own_step import line_in, own_callable, what_it_raised
from .checker import adapters_of, check_file
from .child import call
from .tasks import find_task

CELL_TASKS = {
    "lmcourse_char_rnn": "elman_step",
    "lmcourse_gru": "gru_step",
    "lmcourse_lstm": "lstm_step",
}
"""The task of the step of each family of recurrent models."""


@dataclass
class OwnCell:
    """A function or class of a file that passed the check of its task.

    Calling it computes a step, as `DenseRecurrence.cell` does. A class is instantiated once for
    each pair of sizes; the weights are set as its attributes at each step.

    Attributes:
        path: The file.
        name: The name of the function or class.
        task: What the task is to the checker, with the adapter of the file.
        source: The bytes of the file.
        function: The function or class.
    """

    path: Path
    name: str
    task: Mapping[str, Any]
    source: bytes
    function: Any
    _made: dict[tuple[int, int], type] = field(default_factory=dict, init=False, repr=False)

    @property
    def origin(self) -> str:
        """The name, and the beginning of the SHA-256 of the file and its adapter."""
        adapter = json.dumps(self.task["adapter"], sort_keys=True).encode()
        return f"{self.name} ({hashlib.sha256(self.source + adapter).hexdigest()[:16]})"

    def __call__(self, weights: Mapping[str, Tensor], x: Tensor, state: State) -> State:
        """Compute a step.

        Args:
            weights: W, U, b and, if the task has one, b_h.
            x: The input of the step.
            state: h, or h and c.

        Returns:
            The state after it.

        Shape:
            x: (batch, input_size); state, result: (batch, hidden_size) each.
        """
        sizes = {"input_size": x.shape[-1], "hidden_size": state[0].shape[-1]}
        given = {"x": x, **dict(zip(("h", "c"), state, strict=False)), **weights}
        output = call(self._candidate(**sizes), self.task, sizes, given)
        return tuple(output) if isinstance(output, tuple | list) else (output,)

    @contextmanager
    def naming_errors(self) -> Iterator[None]:
        """Turn what the file raises into one sentence.

        The steps themselves do not: torch stops the recomputation of a checkpointed layer by an
        exception that passes through them.

        Raises:
            LmcourseError: With the line of the file.
        """
        try:
            yield
        except (LmcourseError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            if line_in(error, self.path) is None:
                raise
            what = what_it_raised(error, self.path)
            raise LmcourseError(f"{self.name} of {self.path} {what}") from error

    def demand_agreement(self, layer: DenseRecurrence, rows: int) -> None:
        """Compare three steps with those of a layer, at its sizes: the check has small ones.

        Args:
            layer: A layer of the model that is trained.
            rows: The batch size of the training.

        Raises:
            LmcourseError: The states differ, or the file raises an exception.
        """
        generator = torch.Generator().manual_seed(0)
        weight = layer.input_projection.weight
        x = torch.randn(rows, 3, layer.input_size, generator=generator).to(weight)
        theirs, ours = copy.deepcopy(layer).eval(), copy.deepcopy(layer).eval()
        theirs.cell = self
        with torch.no_grad(), self.naming_errors():
            both = [each(x, every_step=True)[1] for each in (theirs, ours)]
        for found, wanted in zip(*both, strict=True):
            if found.shape != wanted.shape or not torch.allclose(found, wanted, 1e-3, 1e-4):
                raise LmcourseError(
                    f"{self.name} of {self.path} passed the check, but computes something else for "
                    f"batches of {rows}, input_size {layer.input_size} and hidden_size "
                    f"{layer.hidden_size}: a size is written into it, or a setting changes our step"
                )

    def __deepcopy__(self, memo: dict[int, Any]) -> "OwnCell":
        """Share the step with a copy of the model: it keeps no weights."""
        return self

    def _candidate(self, input_size: int, hidden_size: int) -> Any:
        """Return the function, or a class whose instance is always the same one."""
        sizes, make = (input_size, hidden_size), self.function
        if inspect.isclass(self.function) and sizes not in self._made:
            with torch.random.fork_rng(devices=[]):  # the weights that it draws are not used
                self._made[sizes] = _always(make(*sizes))
        return self._made.get(sizes, make)


def _always(instance: Any) -> type:
    """Return a class that makes no instance but this one."""

    class Always:
        def __new__(cls, *sizes: int) -> Any:
            return instance

    return Always


def load_cell(named: str, config: Any) -> OwnCell:
    """Check a step, and import its file into this process.

    Args:
        named: FILE.py:NAME, a file and its function or class.
        config: The config of the model that is trained.

    Raises:
        LmcourseError: The family has no such step, there is no such function or class, or it does
            not pass the check of the task; the message names the mistake.
    """
    file, _, name = named.rpartition(":")
    path = Path(file)
    if path.suffix != ".py" or not name.isidentifier():
        raise LmcourseError(
            f"cell {named!r} must be FILE.py:NAME, a file and its function or class"
        )
    task = CELL_TASKS.get(config.model_type)
    if task is None:
        known = ", ".join(CELL_TASKS)
        raise LmcourseError(f"{config.model_type} has no step for a cell to replace: take {known}")
    if getattr(config, "hidden_act", "tanh") != "tanh":
        raise LmcourseError(
            f"a cell is checked with tanh: set hidden_act {config.hidden_act} to tanh"
        )
    _demand_pass(path, name, task)
    source = path.read_bytes()
    adapter = {**adapters_of(path).get(task, {}), "function": name}
    description = {**find_task(task).description, "adapter": adapter}
    return OwnCell(path, name, description, source, _imported(path, name))


def _demand_pass(path: Path, name: str, task: str) -> None:
    (verdict,) = check_file(path, task, function=name)
    if not verdict.agrees:
        mistake = next(iter(verdict.likely), verdict.message)
        raise LmcourseError(
            f"{name} of {path} does not pass the check of {task}, so it is not trained: {mistake}"
        )
    if not any(difference.quantity.startswith("dJ/d") for difference in verdict.differences):
        raise LmcourseError(f"{name} of {path} has no gradients to train with: write it in torch")


def _imported(path: Path, name: str) -> Any:
    """Import the function or class; torch's random numbers and default dtype stay as they were."""
    dtype = torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]):
            return own_callable(path, name)
    finally:
        torch.set_default_dtype(dtype)
