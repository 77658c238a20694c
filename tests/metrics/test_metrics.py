"""The metrics sum before they divide, load offline, and agree across processes."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import evaluate
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import hf_lmcourse.metrics
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.metrics import METRIC_NAMES, load_metric

FOLDER = Path(hf_lmcourse.metrics.__file__).parent
records = st.lists(
    st.tuples(st.floats(min_value=0, max_value=1e6), st.integers(min_value=1, max_value=1000)),
    min_size=1,
    max_size=20,
)


@pytest.fixture(scope="module")
def perplexity(tmp_path_factory: pytest.TempPathFactory) -> evaluate.Metric:
    cache = str(tmp_path_factory.mktemp("perplexity"))
    return load_metric("corpus_perplexity", cache_dir=cache, keep_in_memory=True)


@pytest.fixture(scope="module")
def accuracy(tmp_path_factory: pytest.TempPathFactory) -> evaluate.Metric:
    cache = str(tmp_path_factory.mktemp("accuracy"))
    return load_metric("token_accuracy", cache_dir=cache, keep_in_memory=True)


@given(rows=records)
@settings(max_examples=25, deadline=None)
def test_perplexity_is_one_exponential_of_sums(
    perplexity: evaluate.Metric, rows: list[tuple[float, int]]
) -> None:
    nats, tokens = math.fsum(n for n, _ in rows), sum(t for _, t in rows)
    result = perplexity.compute(
        predictions=[n for n, _ in rows], references=[t for _, t in rows], characters=7, bytes=9
    )
    assert result["tokens"] == tokens
    assert result["nats_per_token"] == nats / tokens
    overflows = nats / tokens > math.log(sys.float_info.max)
    assert result["perplexity"] == (math.inf if overflows else math.exp(nats / tokens))
    assert result["bits_per_token"] * tokens == pytest.approx(nats / math.log(2))
    assert result["bits_per_character"] * 7 == pytest.approx(result["bits_per_byte"] * 9)


def test_word_perplexity_compares_tokenizers(perplexity: evaluate.Metric) -> None:
    characters = perplexity.compute(predictions=[12.0], references=[30], words=6)
    words = perplexity.compute(predictions=[12.0], references=[6], words=6)
    assert characters["word_perplexity"] == words["word_perplexity"] == words["perplexity"]


def test_only_counts_that_were_given_are_reported(perplexity: evaluate.Metric) -> None:
    result = perplexity.compute(predictions=[1.0], references=[1])
    assert set(result) == {"perplexity", "nats_per_token", "bits_per_token", "tokens"}


def test_batches_of_arrays_and_tensors_add_up(perplexity: evaluate.Metric) -> None:
    perplexity.add_batch(predictions=np.array([1.5, 2.5]), references=np.array([2, 1]))
    perplexity.add_batch(
        predictions=torch.tensor([0.25], dtype=torch.float64), references=torch.tensor([4])
    )
    perplexity.add(prediction=0.75, reference=3)
    assert perplexity.compute()["nats_per_token"] == 0.5


def test_sums_are_exact_where_float32_would_lose_the_small_ones(
    perplexity: evaluate.Metric,
) -> None:
    result = perplexity.compute(predictions=[1e8] + [1e-3] * 1000, references=[1] * 1001)
    assert result["nats_per_token"] == (1e8 + 1) / 1001


def test_overflow_is_infinite(perplexity: evaluate.Metric) -> None:
    result = perplexity.compute(predictions=[1e6], references=[1], words=1)
    assert result["perplexity"] == result["word_perplexity"] == math.inf


@pytest.mark.parametrize(
    ("nats", "tokens"), [([], []), ([0.0, 0.0], [0, 0]), ([1.0, 1.0], [3, -1])]
)
def test_no_tokens_is_an_error_in_one_sentence(
    perplexity: evaluate.Metric, accuracy: evaluate.Metric, nats: list[float], tokens: list[int]
) -> None:
    with pytest.raises(ValueError, match=f"the {len(tokens)} records add up to"):
        perplexity.compute(predictions=nats, references=tokens)
    with pytest.raises(ValueError, match="token_accuracy: "):
        accuracy.compute(predictions=[0 for _ in nats], references=tokens)


def test_a_count_of_zero_characters_is_refused(perplexity: evaluate.Metric) -> None:
    with pytest.raises(ValueError, match="characters=0 must be at least 1"):
        perplexity.compute(predictions=[1.0], references=[1], characters=0)


def test_accuracy_is_one_division_of_sums(accuracy: evaluate.Metric) -> None:
    accuracy.add_batch(predictions=[3, 0], references=[5, 1])
    accuracy.add_batch(predictions=[3], references=[6])
    assert accuracy.compute() == {"accuracy": 0.5, "tokens": 12}


def test_more_correct_than_predicted_is_refused(accuracy: evaluate.Metric) -> None:
    with pytest.raises(ValueError, match="6 correct out of 5"):
        accuracy.compute(predictions=[6], references=[5])


def test_an_unknown_metric_is_refused_with_the_known_names() -> None:
    with pytest.raises(LmcourseError, match="corpus_perplexity, label_accuracy, rank"):
        load_metric("bleu")


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_metric_folder_is_self_contained(name: str) -> None:
    script = (FOLDER / name / f"{name}.py").read_text(encoding="utf-8")
    imports = [line for line in script.splitlines() if line.startswith(("import ", "from "))]
    assert not any("hf_lmcourse" in line or "," in line for line in imports)
    card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    for heading in ("Metric Description", "How to Use", "Inputs", "Output Values", "Limitations"):
        assert heading in card


# The metrics need no transformers and no torch, and evaluate starts four times faster without them.
_PROCESS = """
import json, sys
sys.modules["transformers"] = None
import evaluate
del sys.modules["transformers"]
folder, process, cache = sys.argv[1], int(sys.argv[2]), sys.argv[3]
options = dict(num_process=2, process_id=process, experiment_id="a", cache_dir=cache, timeout=30)
share = [([0.1, 0.7, 3.3], [2, 5, 9]), ([2.9], [4])][process]
metric = evaluate.load(folder + "/corpus_perplexity", **options)
metric.add_batch(predictions=share[0], references=share[1])
perplexity = metric.compute(characters=50)
metric = evaluate.load(folder + "/token_accuracy", **options)
metric.add_batch(predictions=[1] * len(share[1]), references=share[1])
print(json.dumps([perplexity, metric.compute()]))
"""


def test_two_processes_give_the_metrics_of_one(
    perplexity: evaluate.Metric, accuracy: evaluate.Metric, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "USE_TORCH": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_MODULES_CACHE": str(tmp_path / "modules"),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, str(FOLDER), str(number), str(tmp_path / "cache")],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    references = [2, 5, 9, 4]
    assert json.loads(outputs[0]) == [
        perplexity.compute(predictions=[0.1, 0.7, 3.3, 2.9], references=references, characters=50),
        accuracy.compute(predictions=[1] * 4, references=references),
    ]
    assert json.loads(outputs[1]) == [None, None]


def test_label_accuracy_is_the_share_of_right_classes() -> None:
    metric = load_metric("label_accuracy")
    assert metric.compute(predictions=[0, 2, 1, 1], references=[0, 1, 1, 1]) == {
        "accuracy": 0.75,
        "texts": 4,
    }


@given(
    values=st.lists(
        st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=15
    ).filter(lambda rows: all(len(set(side)) > 1 for side in zip(*rows, strict=True)))
)
@settings(max_examples=25, deadline=None)
def test_rank_correlation_is_the_correlation_of_mean_ranks(values: list[tuple[int, int]]) -> None:
    def ranks(side: list[int]) -> list[float]:
        return [sum((v < w) + (v <= w) for v in side) / 2 for w in side]

    ours, people = (list(side) for side in zip(*values, strict=True))
    metric = load_metric("rank_correlation", keep_in_memory=True)
    figures = metric.compute(predictions=ours, references=people)
    expected = np.corrcoef(ranks(ours), ranks(people))[0, 1]
    assert figures["spearman"] == pytest.approx(expected, abs=1e-9)
    assert figures["pairs"] == len(values)
    scaled = metric.compute(predictions=[math.exp(v) for v in ours], references=people)
    assert scaled["spearman"] == pytest.approx(expected, abs=1e-9)


def test_rank_correlation_knows_when_there_is_no_order() -> None:
    metric = load_metric("rank_correlation", keep_in_memory=True)
    collapsed = metric.compute(predictions=[1.0, 1.0, 1.0], references=[1.0, 2.0, 3.0])
    assert math.isnan(collapsed["spearman"]) and math.isnan(collapsed["p_value"])
    with pytest.raises(ValueError, match="rank_correlation: 2 pairs have no order"):
        metric.compute(predictions=[1.0, 2.0], references=[1.0, 2.0])
    with pytest.raises(ValueError, match="infinite or NaN"):
        metric.compute(predictions=[1.0, 2.0, math.nan], references=[1.0, 2.0, 3.0])
