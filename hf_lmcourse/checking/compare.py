"""Compare a student's answers with the reference: relative errors, and the known mistakes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .child import Answer
from .task import Case, Function, Task
from .verdict import CLOSE, PARTS, Difference, Verdict

EXACT = 1e-9
"""The relative error of float64 in another order of operations is below this."""
SINGLE = 5e-4
"""The relative error of results in float32 is below this, also for logits of 1,000."""
_NO_SCALE = 1e-6


@dataclass(frozen=True)
class _Pair:
    """A case, the student's answer and the reference's."""

    case: Case
    theirs: Answer
    ours: Answer

    @property
    def allowed(self) -> float:
        """The relative error that is allowed."""
        return SINGLE if self.theirs.single else CLOSE


_Compared = tuple[str, Tensor, Tensor, _Pair]
"""The name of an output or gradient, the student's and the reference's, and the case."""


def relative_error(theirs: Tensor, ours: Tensor) -> float:
    """Return max |a - b| / max |b|; infinite if shapes or infinities differ."""
    if theirs.shape != ours.shape:
        return float("inf")
    same = (theirs == ours) | (theirs.isnan() & ours.isnan())
    gap = torch.where(same, 0, (theirs - ours).abs()).max().item()
    finite = torch.where(ours.isfinite(), ours.abs(), 0).max().item()
    return gap / max(finite, _NO_SCALE) if gap < float("inf") else float("inf")


def judge(task: Task, cases: Sequence[Case], answers: Sequence[Answer]) -> Verdict:
    """Compare the student's answers, one per case, with those of the reference."""
    pairs = [
        _Pair(case, theirs, task.answer(task.reference, case))
        for case, theirs in zip(cases, answers, strict=True)
    ]
    values = _largest_differences(task, _outputs(task, pairs))
    gradients = _largest_differences(task, _gradients(pairs))
    problem = _raised(pairs) or _misshapen(task, pairs) or _not_finite(task, pairs)
    wrong_values = [d for d in values if not d.ok]
    wrong_gradients = [d for d in gradients if not d.ok]
    everything = [*values, *gradients]
    right = _right_parts(task, pairs, values, gradients)
    if not (problem or wrong_values or wrong_gradients):
        remark = _remark(task, pairs, everything)
        return Verdict(task.name, True, len(pairs), everything, remark, right=right)
    likely = _explanations(task, pairs) if problem or wrong_values else ()
    if not problem:
        problem = _largest(values, wrong_values) if wrong_values else ""
        problem = problem or _cut_off(pairs, wrong_gradients) or _largest_gradient(wrong_gradients)
    return Verdict(task.name, False, len(pairs), everything, problem, likely, right=right)


def _right_parts(
    task: Task,
    pairs: Sequence[_Pair],
    values: Sequence[Difference],
    gradients: Sequence[Difference],
) -> frozenset[str]:
    if _raised(pairs):
        return frozenset()
    shapes = not _misshapen(task, pairs)
    finite = not _not_finite(task, pairs)
    computed = bool(gradients) and all(pair.theirs.gradients is not None for pair in pairs)
    right = {
        "shapes": shapes,
        "values": shapes and finite and all(difference.ok for difference in values),
        "gradients": computed and all(difference.ok for difference in gradients),
    }
    return frozenset(part for part in PARTS if right[part])


def _outputs(task: Task, pairs: Sequence[_Pair]) -> Iterator[_Compared]:
    for pair in pairs:
        if pair.theirs.values:
            both = zip(task.outputs, pair.theirs.values, pair.ours.values, strict=True)
            yield from ((name, theirs, ours, pair) for name, theirs, ours in both)


def _gradients(pairs: Sequence[_Pair]) -> Iterator[_Compared]:
    for pair in pairs:
        if pair.theirs.gradients is not None:
            for name, ours in (pair.ours.gradients or {}).items():
                theirs = pair.theirs.gradients.get(name, torch.zeros_like(ours))
                yield f"dJ/d{name}", theirs, ours, pair


def _largest_differences(task: Task, compared: Iterable[_Compared]) -> list[Difference]:
    largest: dict[str, Difference] = {}
    for quantity, theirs, ours, pair in compared:
        error, allowed = relative_error(theirs, ours), pair.allowed
        before = largest.get(quantity)
        if before is None or error / allowed > before.error / before.allowed:
            blocks = task.blocks.get(quantity.removeprefix("dJ/d"), ())
            block = _worst_block(theirs, ours, blocks)
            largest[quantity] = Difference(quantity, error, pair.case.label, block, allowed)
    return list(largest.values())


def _worst_block(theirs: Tensor, ours: Tensor, names: Sequence[str]) -> str | None:
    if not names:
        return None
    errors = [block.abs().max().item() for block in (theirs - ours).chunk(len(names))]
    return names[errors.index(max(errors))]


def _raised(pairs: Sequence[_Pair]) -> str:
    raised = [pair for pair in pairs if pair.theirs.error]
    if not raised:
        return ""
    count = "every case" if len(raised) == len(pairs) else f"{len(raised)} of {len(pairs)} cases"
    return f"{raised[0].theirs.error} (in {count}, first with {raised[0].case.label})"


def _misshapen(task: Task, pairs: Sequence[_Pair]) -> str:
    for name, theirs, ours, pair in _outputs(task, pairs):
        if theirs.shape != ours.shape:
            transposed = theirs.dim() == 2 and theirs.t().shape == ours.shape
            hint = ": is it transposed?" if transposed else ""
            shapes = f"{tuple(theirs.shape)}, but must have {tuple(ours.shape)}"
            return f"{name} has the shape {shapes} ({pair.case.label}){hint}"
    return ""


def _not_finite(task: Task, pairs: Sequence[_Pair]) -> str:
    for name, theirs, _, pair in _outputs(task, pairs):
        if bad := int((~theirs.isfinite()).sum()):
            count = f"{bad} of {theirs.numel()} entries"
            return f"{name} is nan or infinite in {count} ({pair.case.label})"
    return ""


def _largest(values: Sequence[Difference], wrong: Sequence[Difference]) -> str:
    worst = max(wrong, key=lambda difference: difference.error)
    text = f"{worst.quantity} differs most, by {worst.error:.1e} ({worst.case})"
    if right := [d.quantity for d in values if d not in wrong]:
        text += f"; {', '.join(right)} {'agrees' if len(right) == 1 else 'agree'}"
    return text


def _cut_off(pairs: Sequence[_Pair], wrong: Sequence[Difference]) -> str:
    """Report the arguments that no gradient reaches although it should."""
    names = [difference.quantity.removeprefix("dJ/d") for difference in wrong]
    found = [pair.theirs.gradients for pair in pairs if pair.theirs.gradients is not None]
    cut = [name for name in names if not any(name in g and g[name].any() for g in found)]
    if not cut:
        return ""
    return (
        f"the values agree, but no gradient reaches {', '.join(cut)}: "
        "is a tensor detached, or converted to a number or an array on the way?"
    )


def _largest_gradient(wrong: Sequence[Difference]) -> str:
    worst = max(wrong, key=lambda difference: difference.error)
    rows = f", most in the rows of {worst.block}" if worst.block else ""
    error = f"{worst.quantity} differs by {worst.error:.1e}{rows} ({worst.case})"
    return f"the values agree, but {error}"


def _remark(task: Task, pairs: Sequence[_Pair], differences: Sequence[Difference]) -> str:
    remarks = []
    worst = max(difference.error for difference in differences)
    if any(pair.theirs.single for pair in pairs):
        remarks.append(f"computed in float32, and so compared to a relative error of {SINGLE:.0e}")
    elif worst > EXACT:
        remarks.append(
            f"agrees to {worst:.0e} only: values go through float32, or a small constant is added"
        )
    if task.differentiable and all(pair.theirs.gradients is None for pair in pairs):
        remarks.append("only values were compared: the result is not a torch tensor")
    return "; ".join(remarks)


def _explanations(task: Task, pairs: Sequence[_Pair]) -> list[str]:
    """Return the mistakes that give the student's outputs in every case that has outputs."""
    answered = [pair for pair in pairs if pair.theirs.values]
    return [name for name, variant in task.variants.items() if _explains(task, variant, answered)]


def _explains(task: Task, variant: Function, pairs: Sequence[_Pair]) -> bool:
    different = False
    for pair in pairs:
        try:
            values = task.answer(variant, pair.case, values_alone=True).values
        except (RuntimeError, IndexError):
            return False  # the mistake only runs on square matrices, the student's function on all
        if not _close(pair.theirs.values, values, pair.allowed):
            return False
        different = different or not _close(values, pair.ours.values, pair.allowed)
    return different


def _close(theirs: Sequence[Tensor], ours: Sequence[Tensor], allowed: float) -> bool:
    return all(relative_error(a, b) <= allowed for a, b in zip(theirs, ours, strict=True))
