"""The questions are well formed, and what can be computed is."""

import math
from collections import Counter

import pytest
import torch

from hf_lmcourse import LmcourseError
from hf_lmcourse.theory import attention, attention_scaling, perplexity, softmax, softmax_cost
from hf_lmcourse.theory.backpropagation_through_time import new_network, train_step
from hf_lmcourse.theory.items import ITEMS
from hf_lmcourse.theory.quiz import Question, quiz

ZEROS = torch.zeros(1, 4, dtype=torch.float64)
ONE_HOT = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64)
YHAT = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


def probabilities(*p: float) -> torch.Tensor:
    return torch.tensor(p, dtype=torch.float64)


def clipping_factor() -> float:
    """The length of a clipped step, for a gradient whose norm is five times max_norm."""
    network = new_network(3, 2, 2, torch.Generator().manual_seed(0))
    given = (torch.tensor([[0, 1]]), torch.tensor([[1, 2]]), torch.zeros(1, 2).double())
    norms = []
    for max_norm in (math.inf, 1.0):
        moved, *_ = train_step(network, *given, 1.0, max_norm)
        gaps = (after - before for after, before in zip(moved, network, strict=True))
        norms.append(math.sqrt(sum(gap.square().sum().item() for gap in gaps)))
    free = norms[0]
    moved, *_ = train_step(network, *given, 1.0, free / 5)
    gaps = (after - before for after, before in zip(moved, network, strict=True))
    return math.sqrt(sum(gap.square().sum().item() for gap in gaps)) / free


hidden, output = softmax_cost.feed_forward_multiply_adds(10_000, 4, 60, 100)

COMPUTED = {
    "What is the gradient of its logit?": softmax.logit_gradient(ZEROS, ONE_HOT)[0, 0],
    "What is the gradient of another logit?": softmax.logit_gradient(ZEROS, ONE_HOT)[0, 1],
    "d yhat_1 / d theta_2?": softmax.softmax_jacobian(YHAT.log())[0, 1],
    "d yhat_1 / d theta_1?": softmax.softmax_jacobian(YHAT.log())[0, 0],
    "sum to?": softmax.logit_gradient(ZEROS, ONE_HOT).sum(),
    "largest slope": torch.sigmoid(ZEROS)[0, 0] * (1 - torch.sigmoid(ZEROS)[0, 0]),
    "10 inputs": sum(
        p.numel()
        for p in torch.nn.Sequential(torch.nn.Linear(10, 5), torch.nn.Linear(5, 10)).parameters()
    ),
    "The gradient has the norm 10": clipping_factor(),
    "uniform distribution over 50": perplexity.perplexity(probabilities(*[1 / 50] * 3)),
    "3 bits per word": 2**3,
    "1/2 and 1/8": perplexity.perplexity(probabilities(1 / 2, 1 / 8)),
    "there are 5 keys": attention.attention_weights(torch.zeros(3), torch.rand(5, 3))[0],
    "What is the variance of q . k?": attention_scaling.logit_variance(64, 1.0),
    "standard deviation": math.sqrt(attention_scaling.logit_variance(64, 64**-0.5)),
    "How many of the 16": 16 - torch.ones(4, 4).tril().sum(),
    "5.6 nats per token": 5.6 / (5.6 * math.log(2)),
    "output layer's share": output / (hidden + output),
    "What does a full softmax cost": softmax_cost.full_multiply_adds(128, 10_000),
    "How likely is it to be scored": softmax_cost.expected_words(
        probabilities(0.5), probabilities(0.1), 1
    ),
}
"""Words of a question, and its answer by the code of the theory."""


def answer(question: Question) -> str:
    return question.choices[question.right]


@pytest.mark.parametrize("words", COMPUTED)
def test_an_answer_that_can_be_computed_is_right(words: str) -> None:
    (question,) = [question for question in quiz() if words in question.question]
    computed = float(COMPUTED[words])
    assert float(answer(question).replace(",", "")) == pytest.approx(computed, abs=1e-3)
    for place, choice in enumerate(question.choices):
        if place != question.right:
            assert float(choice.replace(",", "")) != pytest.approx(computed, abs=1e-3)


def test_every_number_to_choose_is_computed() -> None:
    def is_number(text: str) -> bool:
        return text.replace(",", "").replace(".", "").lstrip("-").isdigit()

    numeric = [question for question in quiz() if is_number(answer(question))]
    assert len(numeric) == len(COMPUTED)


def test_there_are_forty_questions_about_all_items() -> None:
    questions = quiz()
    assert len(questions) >= 40
    assert {question.item for question in questions} == set(ITEMS)
    assert len({question.question for question in questions}) == len(questions)
    for question in questions:
        assert len(set(question.choices)) == 4 and question.reason.endswith(".")
        assert question.question.endswith("?")


def test_choices_are_mixed_by_the_seed() -> None:
    assert quiz(seed=1) == quiz(seed=1) != quiz(seed=2)
    assert len(Counter(question.letter for question in quiz())) == 4
    assert [q.question for q in quiz(seed=1)] == [q.question for q in quiz(seed=2)]


def test_questions_of_an_item_and_a_number_of_them() -> None:
    assert {question.item for question in quiz("softmax")} == {"softmax"}
    assert len(quiz(count=5)) == 5 and len(quiz("noisy_keys", count=50)) == len(quiz("noisy_keys"))
    with pytest.raises(LmcourseError, match="did you mean softmax"):
        quiz("softmx")
