"""The references equal torch; the known mistakes differ from them and from each other."""

import ast
import inspect
from importlib import import_module

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import TASKS, find_task, template
from hf_lmcourse.checking.compare import CLOSE, relative_error
from hf_lmcourse.checking.task import CASES, Task

Values = list[Tensor] | None


def library(name: str, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
    """The same by torch's own functions."""
    if name == "lstm_step":
        x, h, c, W, U, b = given.values()
        return tuple(torch.lstm_cell(x, [h, c], W, U, b, 0 * b))
    if name == "gru_step":
        x, h, W, U, b, b_h = given.values()
        return (torch.gru_cell(x, h, W, U, b, b_h),)
    if name == "perplexity":
        loss = functional.cross_entropy(given["logits"].flatten(0, 1), given["targets"].flatten())
        return (loss.exp(),)
    ids, mask, E, W1, b1, W2, b2 = given.values()
    means = [E[i[m == 1]].sum(0) / max(int(m.sum()), 1) for i, m in zip(ids, mask, strict=True)]
    hidden = functional.linear(torch.stack(means), W1, b1).tanh()
    return (functional.linear(hidden, W2, b2),)


@pytest.mark.parametrize("name", ["lstm_step", "gru_step", "perplexity", "dan_forward"])
def test_the_reference_is_the_library_s(name: str) -> None:
    task = TASKS[name]
    for case in task.cases(1):
        ours = task.answer(task.reference, case, values_alone=True).values
        theirs = library(name, {argument: case.tensors[argument] for argument in task.arguments})
        torch.testing.assert_close(tuple(ours), theirs, rtol=1e-10, atol=1e-10)


def test_the_gradients_of_a_layer_are_autograd_s() -> None:
    task = TASKS["softmax_gradient"]
    for case in task.cases(1):
        z, W = (case.tensors[name].clone().requires_grad_() for name in ("z", "W"))
        theta = z @ W.t()
        loss = functional.cross_entropy(theta, case.tensors["y"])
        theirs = torch.autograd.grad(loss, (theta, W, z))
        ours = task.answer(task.reference, case).values
        torch.testing.assert_close(tuple(ours), theirs, rtol=1e-10, atol=1e-10)


def test_the_gradients_of_a_network_are_autograd_s() -> None:
    task = TASKS["one_hidden_layer"]
    for case in task.cases(1):
        given = {n: t.clone().requires_grad_() for n, t in case.tensors.items() if n != "y"}
        x, W1, b1, W2, b2 = given.values()
        logits = torch.sigmoid(x @ W1 + b1) @ W2 + b2
        loss = functional.cross_entropy(logits, case.tensors["y"])
        theirs = (loss.detach(), *torch.autograd.grad(loss, (x, W1, b1, W2, b2)))
        ours = task.answer(task.reference, case).values
        torch.testing.assert_close(tuple(ours), theirs, rtol=1e-10, atol=1e-10)


def test_attention_is_the_library_s() -> None:
    task = TASKS["multi_head_attention"]
    for case in task.cases(1):
        heads, causal = case.sizes["num_heads"], case.sizes["causal"]
        X, W, b, W_o, b_o = case.tensors.values()
        module = torch.nn.MultiheadAttention(X.shape[-1], heads, batch_first=True).double()
        names = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
        module.load_state_dict(dict(zip(names, (W, b, W_o, b_o), strict=True)))
        after = torch.ones(X.shape[1], X.shape[1], dtype=torch.bool).triu(1)
        theirs = module(X, X, X, need_weights=False, attn_mask=after if causal else None)[0]
        (ours,) = task.answer(task.reference, case).values
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "name",
    [
        "softmax_gradient",
        "one_hidden_layer",
        "lstm_step",
        "gru_step",
        "multi_head_attention",
        "dan_forward",
    ],
)
def test_with_nothing_replaced_it_is_the_reference(name: str) -> None:
    unaltered = import_module(f"hf_lmcourse.checking.tasks.{name}")._altered()
    task = TASKS[name]
    for case in task.cases(2):
        if not case.sizes.get("all_logits_near"):
            ours, same = (task.answer(f, case).values for f in (task.reference, unaltered))
            torch.testing.assert_close(same, ours, rtol=1e-10, atol=1e-10)


def values_of(task: Task) -> dict[str, list[Values]]:
    """The outputs of the reference and of every known mistake in all cases."""
    found: dict[str, list[Values]] = {}
    cases = task.cases(0)
    for name, variant in {"reference": task.reference, **task.variants}.items():
        found[name] = []
        for case in cases:
            try:
                found[name].append(task.answer(variant, case, values_alone=True).values)
            except RuntimeError:  # square matrices only
                found[name].append(None)
    return found


def differ(first: Values, second: Values) -> bool:
    if first is None or second is None:
        return False
    return any(not relative_error(a, b) <= CLOSE for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_all_mistakes_can_be_told_apart(task: Task) -> None:
    found = values_of(task)
    names = list(found)
    for place, first in enumerate(names):
        for second in names[:place]:
            pairs = zip(found[first], found[second], strict=True)
            assert any(differ(*pair) for pair in pairs), (first, second)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_cases_are_many_shapes_and_the_same_for_the_same_seed(task: Task) -> None:
    cases, again, others = task.cases(3), task.cases(3), task.cases(4)
    assert len(cases) == CASES and len({case.label for case in cases}) > CASES // 2
    for case, same in zip(cases, again, strict=True):
        torch.testing.assert_close(case.tensors, same.tensors, rtol=0, atol=0)
    name = task.arguments[0] if task.name != "dan_forward" else "E"
    assert not torch.equal(cases[0].tensors[name], others[0].tensors[name])


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_template_has_the_arguments_of_its_task_and_nothing_in_it(task: Task) -> None:
    text = template(task.name)
    tree = ast.parse(text)
    assert "lmcourse check" in (ast.get_docstring(tree) or "")
    variables: dict[str, object] = {}
    exec(text, variables)  # a file of the package
    function = variables[task.name]
    assert callable(function)
    assert tuple(inspect.signature(function).parameters) == task.arguments
    with pytest.raises(NotImplementedError):
        function(*task.arguments)


def test_an_unknown_task_is_reported_with_the_nearest() -> None:
    with pytest.raises(LmcourseError, match="there is no task 'lstm-stp': did you mean lstm_step"):
        find_task("lstm-stp")
    with pytest.raises(LmcourseError, match="choose from softmax_gradient, one_hidden_layer"):
        template("zzz")
