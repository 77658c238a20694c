"""A student's answers beside ours: relative errors, and which known mistake explains them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .child import Answer
from .task import Case, Function, Task

__all__ = ["CLOSE", "EXACT", "Difference", "Verdict", "judge", "relative_error"]

EXACT = 1e-9
"""Float64 in another order of operations stays below this."""
CLOSE = 1e-5
"""What went through float32 stays below this; every mistake that we know of is far above it."""
_NO_SCALE = 1e-6


@dataclass(frozen=True)
class Difference:
    """How far one output or gradient is from ours at the most.

    Attributes:
        quantity: its name; dJ/dW for a gradient.
        error: the relative error.
        case: the label of the case where it is largest.
        block: the block of rows where it is largest there, if rows are blocks.
    """

    quantity: str
    error: float
    case: str
    block: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one task.

    Attributes:
        task: its name.
        agrees: whether all answers are ours; `None` where nothing could be compared.
        cases: on how many it was compared.
        differences: the largest of each quantity that could be compared.
        message: what is wrong, or what to know, in a sentence.
        likely: the known mistakes that give exactly the student's outputs.
    """

    task: str
    agrees: bool | None
    cases: int = 0
    differences: Sequence[Difference] = ()
    message: str = ""
    likely: Sequence[str] = ()


@dataclass(frozen=True)
class _Pair:
    """A case, the student's answer and ours."""

    case: Case
    theirs: Answer
    ours: Answer


def relative_error(theirs: Tensor, ours: Tensor) -> float:
    """The largest |a - b| by the largest |b|; infinite for other shapes or other infinities."""
    if theirs.shape != ours.shape:
        return float("inf")
    same = (theirs == ours) | (theirs.isnan() & ours.isnan())
    gap = torch.where(same, 0, (theirs - ours).abs()).max().item()
    finite = torch.where(ours.isfinite(), ours.abs(), 0).max().item()
    return gap / max(finite, _NO_SCALE) if gap < float("inf") else float("inf")


def judge(task: Task, cases: Sequence[Case], answers: Sequence[Answer]) -> Verdict:
    """Compare the answers to all cases with those of the reference.

    Args:
        task: what was asked for.
        cases: the inputs.
        answers: the student's answer to each.
    """
    pairs = [
        _Pair(case, theirs, task.answer(task.reference, case))
        for case, theirs in zip(cases, answers, strict=True)
    ]
    values = [d for place in range(len(task.outputs)) if (d := _of_output(task, pairs, place))]
    gradients = [d for name in task.arguments if (d := _of_gradient(task, pairs, name))]
    problem = _raised(pairs) or _misshapen(task, pairs) or _not_finite(task, pairs)
    wrong_values = [d for d in values if not d.error <= CLOSE]
    wrong_gradients = [d for d in gradients if not d.error <= CLOSE]
    everything = [*values, *gradients]
    if not (problem or wrong_values or wrong_gradients):
        return Verdict(task.name, True, len(pairs), everything, _remark(task, pairs, everything))
    likely = _explanations(task, pairs) if problem or wrong_values else ()
    if not problem:
        problem = _largest(values, wrong_values) if wrong_values else ""
        problem = problem or _cut_off(pairs, wrong_gradients) or _largest_gradient(wrong_gradients)
    return Verdict(task.name, False, len(pairs), everything, problem, likely)


def _of_output(task: Task, pairs: Sequence[_Pair], place: int) -> Difference | None:
    found = [
        Difference(
            task.outputs[place],
            relative_error(pair.theirs.values[place], pair.ours.values[place]),
            pair.case.label,
        )
        for pair in pairs
        if pair.theirs.values
    ]
    return max(found, key=lambda difference: difference.error, default=None)


def _of_gradient(task: Task, pairs: Sequence[_Pair], name: str) -> Difference | None:
    found = []
    for pair in pairs:
        if pair.theirs.gradients is None or name not in (pair.ours.gradients or {}):
            continue
        ours = (pair.ours.gradients or {})[name]
        theirs = pair.theirs.gradients.get(name, torch.zeros_like(ours))
        error = relative_error(theirs, ours)
        block = _worst_block(theirs, ours, task.blocks.get(name, ()))
        found.append(Difference(f"dJ/d{name}", error, pair.case.label, block))
    return max(found, key=lambda difference: difference.error, default=None)


def _worst_block(theirs: Tensor, ours: Tensor, names: Sequence[str]) -> str | None:
    if not names:
        return None
    errors = [block.abs().max().item() for block in (theirs - ours).chunk(len(names))]
    return names[errors.index(max(errors))]


def _raised(pairs: Sequence[_Pair]) -> str:
    raised = [pair for pair in pairs if pair.theirs.error]
    if not raised:
        return ""
    first = raised[0]
    times = (
        "in every case" if len(raised) == len(pairs) else f"in {len(raised)} of {len(pairs)} cases"
    )
    return f"{first.theirs.error} ({times}, first with {first.case.label})"


def _outputs(task: Task, pairs: Sequence[_Pair]) -> Iterator[tuple[str, Tensor, Tensor, str]]:
    for pair in pairs:
        if pair.theirs.values:
            both = zip(task.outputs, pair.theirs.values, pair.ours.values, strict=True)
            yield from ((name, theirs, ours, pair.case.label) for name, theirs, ours in both)


def _misshapen(task: Task, pairs: Sequence[_Pair]) -> str:
    for name, theirs, ours, label in _outputs(task, pairs):
        if theirs.shape != ours.shape:
            turned = theirs.dim() == 2 and theirs.t().shape == ours.shape
            hint = ": is it transposed?" if turned else ""
            shapes = f"{tuple(theirs.shape)} where {tuple(ours.shape)} is right"
            return f"{name} has the shape {shapes} ({label}){hint}"
    return ""


def _not_finite(task: Task, pairs: Sequence[_Pair]) -> str:
    for name, theirs, _, label in _outputs(task, pairs):
        if bad := int((~theirs.isfinite()).sum()):
            return f"{name} is nan or infinite at {bad} of {theirs.numel()} places ({label})"
    return ""


def _largest(values: Sequence[Difference], wrong: Sequence[Difference]) -> str:
    worst = max(wrong, key=lambda difference: difference.error)
    text = f"{worst.quantity} differs most, by {worst.error:.1e} ({worst.case})"
    if right := [d.quantity for d in values if d not in wrong]:
        text += f"; {', '.join(right)} {'agrees' if len(right) == 1 else 'agree'}"
    return text


def _cut_off(pairs: Sequence[_Pair], wrong: Sequence[Difference]) -> str:
    """Arguments that no gradient reaches though it should."""
    names = [difference.quantity.removeprefix("dJ/d") for difference in wrong]
    cut = [
        name
        for name in names
        if all(
            name not in pair.theirs.gradients or not pair.theirs.gradients[name].any()
            for pair in pairs
            if pair.theirs.gradients is not None
        )
    ]
    if not cut:
        return ""
    return (
        f"the values agree, but no gradient reaches {', '.join(cut)}: "
        "is something detached, or made a number or an array on the way?"
    )


def _largest_gradient(wrong: Sequence[Difference]) -> str:
    worst = max(wrong, key=lambda difference: difference.error)
    rows = f", most in the rows of {worst.block}" if worst.block else ""
    return (
        f"the values agree, but {worst.quantity} differs by {worst.error:.1e}{rows} ({worst.case})"
    )


def _remark(task: Task, pairs: Sequence[_Pair], differences: Sequence[Difference]) -> str:
    remarks = []
    worst = max(difference.error for difference in differences)
    if worst > EXACT:
        remarks.append(
            f"agrees to {worst:.0e} only: numbers go through float32, or a small one is added"
        )
    if task.differentiable and all(pair.theirs.gradients is None for pair in pairs):
        remarks.append("values alone were compared: what comes back is no torch tensor")
    return "; ".join(remarks)


def _explanations(task: Task, pairs: Sequence[_Pair]) -> list[str]:
    """The mistakes that give the student's outputs wherever there are some."""
    answered = [pair for pair in pairs if pair.theirs.values]
    return [name for name, variant in task.variants.items() if _explains(task, variant, answered)]


def _explains(task: Task, variant: Function, pairs: Sequence[_Pair]) -> bool:
    different = False
    for pair in pairs:
        try:
            values = task.answer(variant, pair.case, values_alone=True).values
        except (RuntimeError, IndexError):
            return False  # it only goes with square matrices, and the student's goes with these
        if not _close(pair.theirs.values, values):
            return False
        different = different or not _close(values, pair.ours.values)
    return different


def _close(theirs: Sequence[Tensor], ours: Sequence[Tensor]) -> bool:
    return all(relative_error(a, b) <= CLOSE for a, b in zip(theirs, ours, strict=True))
