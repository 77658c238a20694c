"""Our models in lm-evaluation-harness, on tasks of our own: no network."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import LmcourseError, LSTMForCausalLM
from hf_lmcourse.data.streams import line_end_token_id
from hf_lmcourse.models.causal_lm import LanguageModelForCausalLM
from hf_lmcourse.tokenization import train_tokenizer

from ..models.families import FAMILIES, Family, every_family

lm_eval = pytest.importorskip("lm_eval", reason='lm-eval is not installed: pip install ".[eval]"')
lm_eval_tasks = pytest.importorskip("lm_eval.tasks")
instance = pytest.importorskip("lm_eval.api.instance")
harness = pytest.importorskip("hf_lmcourse.evaluation.harness")

TEXTS = ["a cab had a bad ace\nbed\n", "deaf face\n", "b"]
"""Of characters, and of words where a line ends a sentence."""

QUESTIONS: list[dict[str, Any]] = [
    {"text": "a cab had", "choices": ["a bad", "ace bed", "a"], "label": 1},
    {"text": "a", "choices": ["cab", "had a bad ace", "bed"], "label": 0},
]

TASKS = {
    "own_texts": """
task: own_texts
dataset_path: json
dataset_kwargs: {data_files: {test: TEXTS}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]
""",
    "own_questions": """
task: own_questions
dataset_path: json
dataset_kwargs: {data_files: {test: QUESTIONS}}
output_type: multiple_choice
test_split: test
doc_to_text: text
doc_to_choice: choices
doc_to_target: label
metric_list: [{metric: acc}]
""",
    "own_generation": """
task: own_generation
dataset_path: json
dataset_kwargs: {data_files: {test: QUESTIONS}}
output_type: generate_until
test_split: test
doc_to_text: text
doc_to_target: text
generation_kwargs: {until: ["e"], max_gen_toks: 5}
metric_list: [{metric: exact_match}]
""",
}

TOKENIZERS = {kind: train_tokenizer(kind, "".join(TEXTS)) for kind in ("character", "word")}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tasks above, found in a folder as a user's own would be."""
    folder = tmp_path_factory.mktemp("tasks")
    rows = {"TEXTS": [{"text": text} for text in TEXTS], "QUESTIONS": QUESTIONS}
    for name, documents in rows.items():
        lines = "\n".join(json.dumps(document) for document in documents)
        (folder / f"{name}.jsonl").write_text(lines)
    for name, yaml in TASKS.items():
        for documents in rows:
            yaml = yaml.replace(documents, str(folder / f"{documents}.jsonl"))
        (folder / f"{name}.yaml").write_text(yaml)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        # it starts pip, the compiler and others in each evaluation, to note their versions
        patch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)
        manager = lm_eval_tasks.TaskManager(include_path=str(folder), include_defaults=False)
        yield manager


def tiny(family: Family, kind: str, **changes: Any) -> LanguageModelForCausalLM:
    """A tiny model for one of the tokenizers."""
    return family.random(vocab_size=len(TOKENIZERS[kind]), **changes).float()


def evaluate(model: Any, tasks: Any, *names: str, **options: Any) -> dict[str, Any]:
    """What `lm_eval.simple_evaluate` returns."""
    return lm_eval.simple_evaluate(
        model, tasks=[*names], task_manager=tasks, bootstrap_iters=0, **options
    )


def answers(results: dict[str, Any], name: str) -> list[list[Any]]:
    """What the model answered to each document, in the order of the documents."""
    samples = sorted(results["samples"][name], key=lambda sample: sample["doc_id"])
    return [sample["filtered_resps"] for sample in samples]


def log_likelihood(model: LanguageModelForCausalLM, kind: str, before: str, text: str) -> float:
    """Our own scoring of a text in one forward pass, in nats."""
    tokenizer = TOKENIZERS[kind]
    begin = [] if before else [line_end_token_id(tokenizer)]
    context, whole = (begin + tokenizer.encode(words) for words in (before, before + text))
    ids = torch.tensor([whole])
    losses, _, _ = model.score_tokens(ids[:, :-1], ids[:, 1:])
    return -losses[:, len(context) - 1 :].sum().item()


@pytest.mark.parametrize("kind", TOKENIZERS)
@every_family
def test_the_likelihoods_are_those_of_our_own_scoring(
    family: Family, kind: str, tasks: Any
) -> None:
    model = tiny(family, kind)
    adapter = harness.HarnessModel(model, TOKENIZERS[kind], batch_size=4)
    results = evaluate(adapter, tasks, "own_texts", "own_questions")

    expected = [log_likelihood(model, kind, "", text) for text in TEXTS]
    found = [float(answer) for (answer,) in answers(results, "own_texts")]
    assert found == pytest.approx(expected, rel=1e-5)
    bits = -sum(expected) / math.log(2)
    figure = results["results"]["own_texts"]["bits_per_byte,none"]
    assert figure == pytest.approx(bits / sum(len(text.encode()) for text in TEXTS), rel=1e-5)

    right = 0
    for question, given in zip(QUESTIONS, answers(results, "own_questions"), strict=True):
        before, choices = question["text"], question["choices"]
        wanted = [log_likelihood(model, kind, before, f" {choice}") for choice in choices]
        assert [float(score) for score, _ in given] == pytest.approx(wanted, rel=1e-5)
        right += wanted.index(max(wanted)) == question["label"]
    assert results["results"]["own_questions"]["acc,none"] == right / len(QUESTIONS)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_a_model_answers_up_to_a_word_that_ends_it(kind: str, tasks: Any) -> None:
    model = tiny(FAMILIES[0], kind)
    results = evaluate(harness.HarnessModel(model, TOKENIZERS[kind]), tasks, "own_generation")
    for (answer,) in answers(results, "own_generation"):
        assert isinstance(answer, str) and "e" not in answer


@pytest.mark.parametrize("by_name", [False, True])
def test_a_saved_model_is_named_by_its_folder(by_name: bool, tmp_path: Path, tasks: Any) -> None:
    model = tiny(FAMILIES[1], "character")
    model.save_pretrained(tmp_path)
    TOKENIZERS["character"].save_pretrained(tmp_path)
    if by_name:
        results = evaluate("lmcourse", tasks, "own_texts", model_args=f"pretrained={tmp_path}")
    else:
        results = evaluate(harness.HarnessModel(str(tmp_path)), tasks, "own_texts")
    found = [float(answer) for (answer,) in answers(results, "own_texts")]
    expected = [log_likelihood(model, "character", "", text) for text in TEXTS]
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_state_is_carried_past_the_longest_context_of_a_question() -> None:
    model, tokenizer = tiny(FAMILIES[1], "character"), TOKENIZERS["character"]
    assert isinstance(model, LSTMForCausalLM)
    text = "".join(TEXTS) * 30
    adapter = harness.HarnessModel(model, tokenizer, max_length=16)
    request = instance.Instance("loglikelihood_rolling", {}, (text,), 0)
    (found,) = adapter.loglikelihood_rolling([request])
    assert found == pytest.approx(log_likelihood(model, "character", "", text), rel=1e-5)
    empty = instance.Instance("loglikelihood_rolling", {}, ("",), 0)
    assert adapter.loglikelihood_rolling([empty]) == [0.0]


def test_the_longest_context_of_a_transformer_is_its_own() -> None:
    family = next(family for family in FAMILIES if family.name == "transformer")
    model = tiny(family, "character")
    adapter = harness.HarnessModel(model, TOKENIZERS["character"])
    assert adapter.max_length == model.config.max_position_embeddings


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="Linear is not one of this package's language models"):
        harness.HarnessModel(torch.nn.Linear(1, 1), TOKENIZERS["word"])
    no_line_end = train_tokenizer("character", "abc")
    with pytest.raises(LmcourseError, match="knows no line end"):
        harness.HarnessModel(tiny(FAMILIES[0], "character"), no_line_end)
    with pytest.raises(LmcourseError, match="there is no model at"):
        harness.HarnessModel(str(tmp_path / "missing"))
