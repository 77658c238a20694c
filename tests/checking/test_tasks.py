"""The references equal torch; the known mistakes differ from them and from each other."""

import ast
import inspect
from importlib import import_module
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import TASKS, find_task, template
from hf_lmcourse.checking.compare import CLOSE, relative_error
from hf_lmcourse.checking.task import CASES, Case, Task
from hf_lmcourse.layers.sampled_softmax import inclusion_probabilities, sampled_cross_entropy

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


def given(name: str, case: Case) -> dict[str, Any]:
    """The arguments of a case by name."""
    return {n: case.tensors.get(n, case.sizes.get(n)) for n in TASKS[name].arguments}


def close(name: str, case: Case, *theirs: Tensor) -> None:
    ours = TASKS[name].answer(TASKS[name].reference, case, values_alone=True).values
    torch.testing.assert_close(tuple(ours), theirs, rtol=1e-10, atol=1e-10)


def test_the_network_through_time_is_autograd_s() -> None:
    for case in TASKS["backpropagation_through_time"].cases(1):
        tokens, targets, *leaves = given("backpropagation_through_time", case).values()
        h, L, H, I, b1, U, b2 = leaves = [t.clone().requires_grad_() for t in leaves]  # noqa: E741
        logits, state = [], h
        for t in range(tokens.shape[1]):
            state = torch.sigmoid(state @ H + L[tokens[:, t]] @ I + b1)
            logits.append(state @ U + b2)
        loss = functional.cross_entropy(torch.stack(logits, 1).flatten(0, 1), targets.flatten())
        d_h, *rest = torch.autograd.grad(loss, leaves)
        close("backpropagation_through_time", case, loss.detach(), *rest, d_h)


def test_the_gradient_of_the_bigram_network_is_autograd_s() -> None:
    for case in TASKS["forward_backward_prop"].cases(1):
        data, labels, params, (Dx, H, Dy) = given("forward_backward_prop", case).values()
        params = params.clone().requires_grad_()
        W1, b1, W2, b2 = params.split([Dx * H, H, H * Dy, Dy])
        logits = torch.sigmoid(data @ W1.view(Dx, H) + b1) @ W2.view(H, Dy) + b2
        cost = functional.cross_entropy(logits, labels, reduction="sum")
        close("forward_backward_prop", case, cost.detach(), *torch.autograd.grad(cost, params))


def test_a_step_of_adam_is_the_optimizer_s() -> None:
    case = TASKS["adam_step"].cases(1)[0]
    theta, g, m, v, t, lr, beta1, beta2, eps = given("adam_step", case).values()
    parameter = torch.nn.Parameter(theta.clone())
    optimizer = torch.optim.Adam([parameter], lr=lr, betas=(beta1, beta2), eps=eps)
    state = {"step": torch.tensor(t - 1.0), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    optimizer.state[parameter] = state
    parameter.grad = g
    optimizer.step()
    close("adam_step", case, parameter.detach(), state["exp_avg"], state["exp_avg_sq"])


def test_clipping_is_the_library_s() -> None:
    for case in TASKS["clip_gradients"].cases(1):
        g_W, g_b, max_norm = given("clip_gradients", case).values()
        parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in (g_W, g_b)]
        for parameter, g in zip(parameters, (g_W, g_b), strict=True):
            parameter.grad = g.clone()
        torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        ours = TASKS["clip_gradients"].answer(TASKS["clip_gradients"].reference, case).values
        theirs = [parameter.grad for parameter in parameters]
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-12)  # it adds 1e-6 to the norm


def test_the_sampled_loss_is_the_layer_s() -> None:
    torch.manual_seed(0)
    words, rows = 12, 5
    h, W, b = torch.randn(rows, 3).double(), torch.randn(words, 3).double(), torch.randn(words)
    targets = torch.randint(words, (rows,))
    pi = inclusion_probabilities(words, 6).clone()
    torch.manual_seed(1)
    theirs = sampled_cross_entropy(h, W, b.double(), targets, 6) / rows
    torch.manual_seed(1)
    drawn = (torch.rand(words, dtype=pi.dtype) < pi).long()
    drawn[0], pi[0] = 1, 1  # the layer always scores word 0
    (ours,) = TASKS["sampled_softmax"].reference(h, W, b.double(), targets, drawn, pi)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_kneser_ney_is_a_distribution_for_every_word() -> None:
    task = TASKS["kneser_ney_bigram"]
    for case in task.cases(1):
        (P,) = task.answer(task.reference, case).values
        torch.testing.assert_close(P.sum(1), torch.ones(len(P), dtype=P.dtype))


def test_beam_search_with_all_beams_is_exhaustive() -> None:
    task = TASKS["beam_search"]
    case = task.cases(1)[0]
    log_first, log_next = case.tensors.values()
    words = len(log_first)
    scores = {
        text: log_first[text[0]] + sum(log_next[a, b] for a, b in pairwise(text))
        for text in product(range(words), repeat=3)
    }
    best = max(scores, key=scores.__getitem__)
    tokens, score = task.reference(log_first, log_next, 3, words**2)
    assert tuple(tokens.tolist()) == best
    torch.testing.assert_close(score, scores[best])


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


MODULES = {name: import_module(f"hf_lmcourse.checking.tasks.{name}") for name in TASKS}


@pytest.mark.parametrize(
    "name", [n for n, module in MODULES.items() if hasattr(module, "_altered")]
)
def test_with_nothing_replaced_it_is_the_reference(name: str) -> None:
    unaltered = MODULES[name]._altered()
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
    pairs = [(case.tensors[n], others[0].tensors[n]) for case in cases[:1] for n in case.tensors]
    assert any(not torch.equal(ours, other) for ours, other in pairs)


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
    with pytest.raises(LmcourseError, match="lmcourse check --list shows them"):
        template("zzz")
