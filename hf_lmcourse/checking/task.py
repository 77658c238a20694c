"""What a task is: a reference, its inputs, and the mistakes that it knows."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .child import Answer, answer, call

__all__ = [
    "CASES",
    "Case",
    "Function",
    "Sizes",
    "Task",
    "draw_normal",
    "reorder_rows",
    "transpose_blocks",
]

Sizes = Mapping[str, int]
Function = Callable[..., Tensor | tuple[Tensor, ...]]

CASES = 12
"""On so many cases a student's function is compared with ours."""


@dataclass(frozen=True)
class Case:
    """One input of a task.

    Attributes:
        sizes: what its shapes are made of, and settings such as the number of heads.
        tensors: the arguments that are tensors, in float64 or int64.
        cotangents: a random number for each entry of each output.
    """

    sizes: Sizes
    tensors: dict[str, Tensor]
    cotangents: list[Tensor]

    @property
    def label(self) -> str:
        """The sizes in words."""
        words = {name.replace("_", " "): size for name, size in self.sizes.items() if size}
        return ", ".join(n if size is True else f"{n} {size}" for n, size in words.items())


@dataclass(frozen=True)
class Task:
    """Something that students write themselves.

    Attributes:
        name: of the function that is asked for.
        arguments: the names of its arguments, in their order.
        outputs: the names of its outputs.
        reference: ours.
        draw: tensors of given sizes.
        sizes: random sizes.
        special: sizes to begin with. The first are all equal, so that a transposed matrix goes
            unnoticed by shapes and is told by its numbers.
        variants: wrong in one thing each: what is wrong, and a function that does it.
        parameters: arguments that a class keeps as attributes.
        constructor: the sizes that a class is made with.
        differentiable: whether gradients are compared too.
        blocks: arguments whose rows are blocks, with the names of these.
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
        """All that the child has to know, for JSON."""
        names = ("name", "arguments", "outputs", "parameters", "constructor", "differentiable")
        return {name: getattr(self, name) for name in names}

    def cases(self, seed: int) -> list[Case]:
        """The special sizes, random ones up to `CASES`, and random numbers for all of them."""
        chance, generator = random.Random(seed), torch.Generator().manual_seed(seed)
        sizes = [*self.special]
        sizes += (self.sizes(chance) for _ in range(CASES - len(sizes)))
        return [self._case(case_sizes, generator) for case_sizes in sizes]

    def _case(self, sizes: Sizes, generator: torch.Generator) -> Case:
        tensors = self.draw(sizes, generator)
        values = self.answer(self.reference, Case(sizes, tensors, []), values_alone=True).values
        shapes = [value.shape for value in values]
        normal = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
        return Case(sizes, tensors, normal)

    def answer(self, function: Function, case: Case, values_alone: bool = False) -> Answer:
        """What a function or class makes of a case, in this process; exceptions are raised."""
        given = {n: case.sizes[n] if n in case.sizes else case.tensors[n] for n in self.arguments}
        cotangents = case.cotangents if self.differentiable and not values_alone else None

        return answer(
            partial(call, function, self.description, case.sizes), given, cotangents, self.outputs
        )


def draw_normal(generator: torch.Generator, **shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Standard normal entries in float64 for each name."""
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def reorder_rows(tensor: Tensor, order: Sequence[str], standard: Sequence[str]) -> Tensor:
    """Blocks of rows as somebody sees them who believes that they are in another order.

    Args:
        tensor: its blocks are in the standard order.
        order: the order that he believes them to be in.
        standard: their order.
    """
    blocks = tensor.chunk(len(standard))
    return torch.cat([blocks[order.index(name)] for name in standard])


def transpose_blocks(tensor: Tensor, blocks: int) -> Tensor:
    """Each block of rows transposed.

    Shape:
        tensor: (blocks * rows, columns); result: (blocks * columns, rows).
    """
    return torch.cat([block.t() for block in tensor.chunk(blocks)])
