"""Common mistakes are identified, and correct solutions agree."""

from collections.abc import Iterator

import pytest
import torch

from hf_lmcourse.checking import TASKS, Verdict
from hf_lmcourse.checking.child import Answer
from hf_lmcourse.checking.compare import judge
from hf_lmcourse.checking.task import Case, Task

from .solutions import AS_CLASSES, IMPORTS, SOLUTIONS

MISTAKES = [
    # task, text of the solution, its replacement, words of the diagnosis
    ("softmax_gradient", "yhat - y", "y - yhat", "the sign is reversed"),
    ("softmax_gradient", ") / len(z)", ")", "summed over the rows, not averaged"),
    ("softmax_gradient", "/ len(z)", "/ theta.numel()", "over rows and classes"),
    ("softmax_gradient", "d_theta.T @ z", "z.T @ d_theta", "d_W is transposed"),
    ("softmax_gradient", "powers.sum(dim=1,", "powers.sum(dim=0,", ""),
    ("softmax_gradient", "theta - theta.max(dim=1, keepdim=True).values", "theta", "overflow"),
    ("softmax_gradient", "z @ W.T", "z @ W", "W is transposed in the logits"),
    ("softmax_gradient", "d_theta @ W\n", "d_theta @ W.T\n", "W is transposed in d_z"),
    ("one_hidden_layer", "* h * (1 - h)", "", "h (1 - h), is left out"),
    (
        "one_hidden_layer",
        "* h * (1 - h)",
        "* torch.sigmoid(h) * (1 - torch.sigmoid(h))",
        "taken at h",
    ),
    ("one_hidden_layer", "torch.sigmoid", "torch.tanh", ""),
    ("one_hidden_layer", "sum() / N", "sum()", "the loss is summed"),
    ("one_hidden_layer", " - y) / N", " - y)", "the gradients are summed"),
    ("one_hidden_layer", "log_softmax(h @ W2 + b2, dim=1)", "log_softmax(h @ W2, dim=1)", "b2 is"),
    ("one_hidden_layer", "dim=1", "dim=0", "the softmax runs over the rows"),
    (
        "one_hidden_layer",
        "delta1.sum(0), h.T @ delta2, delta2.sum(0)",
        "delta1, h.T @ delta2, delta2",
        "not summed over the rows",
    ),
    ("lstm_step", "o * torch.tanh(c), c", "o * c, c", "tanh is missing on the cell"),
    ("lstm_step", "g = torch.tanh(", "g = torch.sigmoid(", "the candidate g goes through the sig"),
    ("lstm_step", "f * c + i * g", "i * c + f * g", "the gates i and f are swapped"),
    ("lstm_step", "2 * n : 3 * n]", "3 * n : 4 * n]", ""),
    ("lstm_step", "h @ U.T + b", "h @ U.T", "the bias b is omitted"),
    ("lstm_step", "torch.tanh(c), c", "torch.tanh(c).detach(), c", "the values agree, but dJ/d"),
    ("lstm_step", "h @ U.T + b", "h.detach() @ U.T + b", "no gradient reaches h:"),
    (
        "lstm_step",
        "    return o * torch.tanh(c), c",
        "    return c, o * torch.tanh(c)",
        "wrong order",
    ),
    (
        "lstm_step",
        "    a = x @ W.T + h @ U.T",
        "    U = torch.cat([u.T for u in U.chunk(4)])\n    a = x @ W.T + h @ U.T",
        "U is transposed",
    ),
    ("gru_step", "(1 - z) * n + z * h", "z * n + (1 - z) * h", "the update gate is reversed"),
    ("gru_step", "r * (h @ U_n.T + b_hn)", "(r * h) @ U_n.T + b_hn", "before the product"),
    (
        "gru_step",
        "r * (h @ U_n.T + b_hn)",
        "r * (h @ U_n.T) + b_hn",
        "does not act on the bias b_h",
    ),
    ("gru_step", "W_r, W_z, W_n", "W_z, W_r, W_n", ""),
    ("multi_head_attention", "/ math.sqrt(d // num_heads)", "", "not divided by sqrt(d/h)"),
    ("multi_head_attention", "math.sqrt(d // num_heads)", "math.sqrt(d)", "by sqrt(d), not"),
    ("multi_head_attention", "math.sqrt(d // num_heads)", "(d // num_heads)", "not by its square"),
    ("multi_head_attention", "if causal", "if False", "the causal mask is missing"),
    ("multi_head_attention", "if causal", "if True", "although it is not asked for"),
    (
        "multi_head_attention",
        "triu(torch.ones(T, T), diagonal=1)",
        "tril(torch.ones(T, T), diagonal=-1)",
        "on the wrong side",
    ),
    ("multi_head_attention", "diagonal=1", "diagonal=0", "hides a position from itself"),
    ("multi_head_attention", 'float("-inf")', "0.0", "set to zero"),
    ("multi_head_attention", "softmax(scores, dim=-1)", "softmax(scores, dim=1)", "over the heads"),
    ("multi_head_attention", "(weights @ v)", "(weights @ v).detach()", "reaches X, W_qkv, b_qkv:"),
    ("multi_head_attention", "(weights @ v).transpose(1, 2)", "(weights @ v)", "axis is not moved"),
    ("multi_head_attention", "q, k, v = (", "k, q, v = (", "taken to be K, Q, V"),
    ("multi_head_attention", "Y @ W_o.T + b_o", "Y @ W_o + b_o", "W_o is transposed"),
    ("multi_head_attention", "return Y @ W_o.T + b_o", "return Y", "output projection is omitted"),
    ("perplexity", "math.exp(nll / words)", "2 ** (nll / words)", "2 to the power"),
    ("perplexity", "math.exp(nll / words)", "nll / words", "cross-entropy in nats"),
    ("perplexity", "words += int(real.sum())", "words += len(real)", "padding included"),
    ("perplexity", "words += int(real.sum())", "words += 1", "by the number of texts"),
    (
        "perplexity",
        "real = target != -100",
        "target = target.clamp(0); real = target >= 0",
        "as word 0",
    ),
    ("dan_forward", "* mask.unsqueeze(-1)", "", "padding is summed too"),
    (
        "dan_forward",
        "mask.sum(1, keepdim=True).clamp(min=1)",
        "ids.shape[1]",
        "the length with padding",
    ),
    ("dan_forward", ".clamp(min=1)", "", "divided by zero"),
    ("dan_forward", "torch.tanh(z @ W1.T + b1)", "z @ W1.T + b1", "tanh is missing"),
    ("dan_forward", "z @ W1.T", "z @ W1", "W1 is transposed"),
    ("elman_step", "torch.tanh(x @ W.T + h @ U.T + b)", "x @ W.T + h @ U.T + b", "tanh is missing"),
    ("elman_step", "h @ U.T", "h @ U", "U is transposed"),
    ("backpropagation_through_time", "dh = gamma @ H.T", "dh = 0 * gamma", "is not passed from"),
    ("backpropagation_through_time", "d_H += hs[t]", "d_H += hs[t + 1]", "d_H takes h_s"),
    ("backpropagation_through_time", "d_L[word] +=", "d_L[word] =", "overwrites its row"),
    ("forward_backward_prop", "delta = yhat - labels", "delta = labels - yhat", "sign of the grad"),
    ("forward_backward_prop", "return cost,", "return cost / len(data),", "the cost is averaged"),
    ("forward_backward_prop", "part.reshape(-1)", "part.t().reshape(-1)", "column by column"),
    ("ngram_forward", "C[ids[:, i]]", "C[ids[:, -1 - i]]", "the reverse order"),
    ("word_dropout", " / (1 - p)", "", "not rescaled"),
    ("scaled_dot_product", "mask == 0", "mask == 2", "the mask is ignored"),
    ("scaled_dot_product", 'float("-inf")', "0.0", "set to zero"),
    ("layer_norm", "unbiased=False", "unbiased=True", "divided by d - 1"),
    ("layer_norm", "torch.sqrt(variance + eps)", "(torch.sqrt(variance) + eps)", "deviation"),
    ("transformer_block", "functional.gelu", "functional.relu", "ReLU, not GELU"),
    ("transformer_block", "is_causal=True", "is_causal=False", "causal mask is missing"),
    ("sampled_softmax", " / pi[j].item()", "", "are not divided by pi"),
    ("corpus_perplexity", "base ** (", "math.exp(", "e is raised"),
    ("kneser_ney_bigram", "max(counts[v, w] - D, 0)", "counts[v, w]", "nothing is discounted"),
    ("tf_idf", "1 + math.log(counts[t, w])", "counts[t, w]", "tf is the count"),
    ("log_count_ratio", "(p / p.sum()) / (q / q.sum())", "p / q", "not divided by their sums"),
    ("sample_token", "logits / temperature", "logits * temperature", "are multiplied"),
    ("beam_search", "[:num_beams]", "[:1]", "greedy search"),
    ("byte_pair_merges", "(-counts[pair], pair)", "-counts[pair]", "the first in the text"),
    ("adam_step", "v / (1 - beta2**t)", "v", "bias of v is not corrected"),
    ("learning_rate", "(steps - warmup) / (total - warmup)", "steps / total", "from step 0"),
    ("clip_gradients", "if norm > max_norm:", "if True:", "are enlarged"),
]
"""An empty diagnosis: no known mistake, and the largest difference is reported."""


@pytest.fixture(autouse=True)
def default_dtype_of_a_check() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def function(source: str, name: str) -> object:
    variables: dict[str, object] = {}
    exec(IMPORTS + source, variables)  # source from this folder
    return variables[name]


def answer(task: Task, candidate: object, case: Case) -> Answer:
    try:
        return task.answer(candidate, case)  # type: ignore[arg-type]
    except (RuntimeError, IndexError) as error:
        return Answer(error=str(error))


def verdict(name: str, source: str, called: str | None = None) -> Verdict:
    task = TASKS[name]
    candidate = function(source, called or name)
    cases = task.cases(0)
    return judge(task, cases, [answer(task, candidate, case) for case in cases])


@pytest.mark.parametrize("name", TASKS)
def test_a_correct_solution_agrees_in_every_quantity(name: str) -> None:
    found = verdict(name, SOLUTIONS[name])
    assert found.agrees, found
    assert found.cases == 12 and not found.likely
    task = TASKS[name]
    outputs = [d.quantity for d in found.differences if not d.quantity.startswith("dJ/")]
    assert tuple(outputs) == task.outputs
    assert max(d.error for d in found.differences) < 1e-12


@pytest.mark.parametrize(
    ("name", "called"),
    [("lstm_step", "LSTMStep"), ("multi_head_attention", "MultiHeadAttention")],
)
def test_a_class_that_keeps_its_parameters_agrees_with_gradients(name: str, called: str) -> None:
    found = verdict(name, AS_CLASSES, called)
    assert found.agrees, found
    quantities = {d.quantity for d in found.differences}
    assert {f"dJ/d{p}" for p in TASKS[name].parameters} <= quantities


@pytest.mark.parametrize(("name", "old", "new", "diagnosis"), MISTAKES)
def test_a_mistake_is_identified(name: str, old: str, new: str, diagnosis: str) -> None:
    source = SOLUTIONS[name]
    assert old in source
    found = verdict(name, source.replace(old, new))
    assert found.agrees is False
    assert diagnosis in " ".join([found.message, *found.likely])
    assert len(found.likely) <= 1
    assert diagnosis or (not found.likely and "differs most" in found.message)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_known_mistake_is_identified_and_no_other(task: Task) -> None:
    cases = task.cases(7)
    assert len(task.variants) >= 4
    for mistake, variant in task.variants.items():
        found = judge(task, cases, [answer(task, variant, case) for case in cases])
        assert found.agrees is False, mistake
        assert list(found.likely) == [mistake]
