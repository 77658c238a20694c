"""A task: its reference implementation, its random inputs, and the mistakes that it knows."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from .child import Answer, answer, call

Sizes = Mapping[str, Any]
"""Sizes of dimensions, and settings: numbers, switches, lists of numbers."""
Function = Callable[..., Tensor | tuple[Tensor, ...]]

CASES = 12
"""The number of inputs on which a student's function is compared with the reference."""


@dataclass(frozen=True)
class Case:
    """One input of a task.

    Attributes:
        sizes: The sizes of its dimensions, and settings such as the number of heads.
        tensors: The arguments that are tensors, in float64 or int64.
        cotangents: Random tensors of the outputs' shapes.
    """

    sizes: Sizes
    tensors: dict[str, Tensor]
    cotangents: list[Tensor]

    @property
    def label(self) -> str:
        """The sizes as text."""
        words = {name.replace("_", " "): size for name, size in self.sizes.items() if size}
        return ", ".join(n if size is True else f"{n} {size}" for n, size in words.items())


@dataclass(frozen=True)
class Task:
    """A function that students implement themselves.

    Attributes:
        name: The name of the function.
        arguments: The names of its arguments, in order.
        outputs: The names of its outputs.
        reference: The correct implementation.
        draw: Draws tensors of given sizes.
        sizes: Draws random sizes.
        special: The sizes of the first cases. In the very first all are equal, so that a transposed
            matrix has the right shape and is recognised by its values.
        variants: Implementations with one mistake each, keyed by a description of the mistake.
        parameters: The arguments that a class keeps as attributes.
        constructor: The sizes that a class takes in its constructor.
        differentiable: Whether gradients are compared too.
        blocks: For arguments whose rows are blocks, the names of the blocks.
    """

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    reference: Function
    draw: Callable[[Sizes, torch.Generator], dict[str, Tensor]]
    sizes: Callable[[random.Random], Sizes]
    special: tuple[Sizes, ...]
    variants: Mapping[str, Function]
    parameters: tuple[str, ...] = ()
    constructor: tuple[str, ...] = ()
    differentiable: bool = True
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def description(self) -> dict[str, Any]:
        """What the child process needs to know, ready for JSON."""
        names = ("name", "arguments", "outputs", "parameters", "constructor", "differentiable")
        blocks = {name: list(parts) for name, parts in self.blocks.items()}
        return {name: getattr(self, name) for name in names} | {"blocks": blocks}

    def cases(self, seed: int) -> list[Case]:
        """Draw inputs of the special sizes, and of random sizes up to `CASES` in all."""
        rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
        sizes = [*self.special]
        sizes += (self.sizes(rng) for _ in range(CASES - len(sizes)))
        return [self._case(case_sizes, generator) for case_sizes in sizes]

    def _case(self, sizes: Sizes, generator: torch.Generator) -> Case:
        tensors = self.draw(sizes, generator)
        values = self.answer(self.reference, Case(sizes, tensors, []), values_alone=True).values
        shapes = [value.shape for value in values]
        normal = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
        return Case(sizes, tensors, normal)

    def answer(self, function: Function, case: Case, values_alone: bool = False) -> Answer:
        """Call a function or class on a case, in this process; exceptions propagate."""
        given = {n: case.sizes[n] if n in case.sizes else case.tensors[n] for n in self.arguments}
        cotangents = case.cotangents if self.differentiable and not values_alone else None
        return answer(
            partial(call, function, self.description, case.sizes), given, cotangents, self.outputs
        )


def sizes_between(low: int, high: int, *names: str) -> Callable[[random.Random], Sizes]:
    """Return a function that draws each of the named sizes uniformly."""
    return lambda rng: {name: rng.randint(low, high) for name in names}


def draw_normal(generator: torch.Generator, **shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Draw standard normal entries in float64 for each name."""
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def change_arguments(
    function: Function, names: Sequence[str], **changes: Callable[[Any], Any]
) -> Function:
    """Wrap a function so that the arguments named in `changes` are changed before the call."""

    def changed(*arguments: Any) -> Tensor | tuple[Tensor, ...]:
        pairs = zip(names, arguments, strict=True)
        return function(*(changes[name](a) if name in changes else a for name, a in pairs))

    return changed


def scale_outputs(
    function: Function, names: Sequence[str], chosen: Sequence[str], factor: Callable[[int], float]
) -> Function:
    """Multiply the chosen outputs of a function by a factor that may depend on the number of rows.

    The names are those of all outputs; the rows are those of the first argument.
    """

    def multiplied(*arguments: Tensor) -> tuple[Tensor, ...]:
        number, results = factor(len(arguments[0])), function(*arguments)
        pairs = zip(names, results, strict=True)
        return tuple(result * number if name in chosen else result for name, result in pairs)

    return multiplied


def naive_softmax(theta: Tensor) -> Tensor:
    """Return the softmax without subtracting the largest entry first: a mistake in many tasks."""
    powers = torch.exp(theta)
    return powers / powers.sum(-1, keepdim=True)


def zero(tensor: Tensor) -> Tensor:
    """Return zeros of the same shape and dtype, with a gradient of zero."""
    return 0 * tensor


def row_orders(names: Sequence[str]) -> dict[tuple[str, ...], Callable[[Tensor], Tensor]]:
    """Return every wrong order of blocks of rows, and a function that reads the rows in it."""
    orders = [order for order in permutations(names) if order != tuple(names)]
    return {order: partial(_reorder_rows, order=order, standard=names) for order in orders}


def _reorder_rows(tensor: Tensor, order: Sequence[str], standard: Sequence[str]) -> Tensor:
    """Permute blocks of rows in the standard order as if they were stored in another order."""
    blocks = tensor.chunk(len(standard))
    return torch.cat([blocks[order.index(name)] for name in standard])


def transpose_blocks(tensor: Tensor, blocks: int) -> Tensor:
    """Transpose each block of rows.

    Shape:
        tensor: (blocks * rows, columns); result: (blocks * columns, rows).
    """
    return torch.cat([block.t() for block in tensor.chunk(blocks)])
