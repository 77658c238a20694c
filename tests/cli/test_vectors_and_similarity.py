"""`lmcourse vectors` and `lmcourse similarity`, and a training that begins with vectors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hf_lmcourse import (
    BigramMLPConfig,
    BigramMLPForCausalLM,
    DANConfig,
    LSTMConfig,
    LSTMForCausalLM,
)
from hf_lmcourse.data.word_vectors import read_word_vectors
from hf_lmcourse.models.dan import DANForSequenceClassification
from hf_lmcourse.report.results import RunResult
from hf_lmcourse.tokenization import WordPunctuationTokenizer, WordTokenizer

from .commands import lmcourse, result_of, write_corpus, write_yaml

WORDS = "the cat sat on a mat and so did the dog\n"
PAIRS = "cat,dog,9\nmat,sat,3\nthe,a,5\ncat,zebra,7\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of words that was not trained."""
    folder = tmp_path_factory.mktemp("models") / "lstm"
    tokenizer = WordTokenizer.train(WORDS)
    torch.manual_seed(0)
    LSTMForCausalLM(
        LSTMConfig(vocab_size=len(tokenizer), hidden_size=6, embedding_size=4)
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("layer", "size"), [("input", 4), ("output", 6)])
@pytest.mark.parametrize("form", ["glove", "word2vec"])
def test_embeddings_are_saved_and_read_back_to_the_bit(
    model: Path, layer: str, size: int, form: str, tmp_path: Path
) -> None:
    path = tmp_path / "vectors.txt.gz"
    outcome = lmcourse("vectors", model, path, "--layer", layer, "--format", form)
    assert outcome.status == 0, outcome.err
    assert f"12 words x {size}, {form} format" in outcome.out
    loaded = LSTMForCausalLM.from_pretrained(model)
    source: Any = loaded.model.embed_tokens if layer == "input" else loaded.lm_head
    tokenizer = WordTokenizer.from_pretrained(model)
    found = read_word_vectors(path)
    ids = tokenizer.convert_tokens_to_ids(found.words)
    assert sorted(ids) == list(range(len(tokenizer)))
    assert torch.equal(torch.from_numpy(found.vectors), source.weight.detach()[ids])


def test_a_classifier_has_input_vectors_alone(tmp_path: Path) -> None:
    tokenizer = WordPunctuationTokenizer.train(WORDS)
    config = DANConfig(vocab_size=len(tokenizer), embedding_size=3, hidden_size=3)
    DANForSequenceClassification(config).save_pretrained(tmp_path / "dan")
    tokenizer.save_pretrained(tmp_path / "dan")
    assert lmcourse("vectors", tmp_path / "dan", tmp_path / "v.txt").status == 0
    assert read_word_vectors(tmp_path / "v.txt").vectors.shape == (len(tokenizer), 3)
    words = ("vectors", tmp_path / "dan", tmp_path / "v.txt", "--layer", "output")
    assert "has no output matrix" in lmcourse(*words).complaint


def test_similarity_is_that_of_the_saved_vectors(model: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(PAIRS)
    lmcourse("vectors", model, tmp_path / "vectors.txt")
    found = []
    for source in (model, tmp_path / "vectors.txt"):
        folder = tmp_path / "out" / source.name
        words = ("--pairs", pairs, "--output_dir", folder, "--results_dir", folder)
        outcome = lmcourse("similarity", source, *words)
        assert outcome.status == 0, outcome.err
        assert "over 3 of 4 pairs (1 excluded)" in outcome.out
        found.append((folder / "pairs.csv").read_text())
        (result,) = (RunResult.load(path) for path in folder.glob("*.json"))
        assert result.corpus == "pairs"
        assert set(result.metrics["test"]) == {"spearman", "p_value", "pairs", "excluded"}
    assert found[0] == found[1]
    assert "cat,zebra,7.0,,no vector for zebra" in found[0]


def test_the_mean_of_all_vectors_is_subtracted_first(tmp_path: Path) -> None:
    vectors = {"cat": [3.0, 1.0], "dog": [2.0, 2.0], "the": [1.0, 6.0]}
    lines = [" ".join([word, *map(str, vector)]) for word, vector in vectors.items()]
    (tmp_path / "v.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "pairs.csv").write_text(
        "first,second,score\ncat,dog,7.0\ncat,the,1.0\ndog,the,2.0\n"
    )
    words = ("--pairs", tmp_path / "pairs.csv", "--output_dir", tmp_path / "out", "--subtract_mean")
    outcome = lmcourse("similarity", tmp_path / "v.txt", *words, "--results_dir", tmp_path / "out")
    assert outcome.status == 0, outcome.err
    centred = np.array(list(vectors.values())) - np.mean(list(vectors.values()), axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    rows = (tmp_path / "out" / "pairs.csv").read_text().splitlines()[1:]
    found = [float(row.split(",")[3]) for row in rows]
    expected = [unit[0] @ unit[1], unit[0] @ unit[2], unit[1] @ unit[2]]
    assert found == pytest.approx(expected, rel=1e-5)
    assert (tmp_path / "out" / "v_without_mean_pairs.json").exists(), "another result"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{model}", "--pairs", "nothing.csv"], "there is no file nothing.csv"),
        (["nothing/there", "--pairs", "{pairs}"], "nothing/there"),
        (["{pairs}", "--pairs", "{pairs}"], "line 1 of .*pairs.csv has something that is not"),
    ],
)
def test_bad_input_of_similarity_is_reported(
    words: list[str], message: str, model: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(PAIRS.replace(",", " "))
    filled = [word.format(model=model, pairs=pairs) for word in words]
    complaint = lmcourse("similarity", *filled, "--output_dir", tmp_path / "out").complaint
    assert message.split(".*")[-1] in complaint or "is not two words" in complaint


def test_vectors_that_are_not_finite_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("cat 1 2\ndog nan 1\nmat 1 3\n")
    (tmp_path / "pairs.csv").write_text(PAIRS)
    words = ("--pairs", tmp_path / "pairs.csv", "--output_dir", tmp_path / "out")
    assert "line 2 of" in lmcourse("similarity", tmp_path / "v.txt", *words).complaint


def test_a_file_that_cannot_be_written_is_reported(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot write" in lmcourse("vectors", model, tmp_path / "file" / "v.txt").complaint


BIGRAM = [
    ("lmcourse_lstm", "lmcourse_bigram_mlp\n  freeze_vectors: true"),
    ("block_length: 16", "block_length: 16\n  tokenizer: digit_pattern\n  batches: bigrams"),
]


def test_a_training_run_is_initialised_from_vectors_and_reports_how_many_words_have_one(
    tmp_path: Path,
) -> None:
    corpus = write_corpus(tmp_path / "small.txt")
    numbers = " ".join("0.5" for _ in range(8))
    (tmp_path / "vectors.txt").write_text(f"line {numbers}\nsays {numbers}\nzebra {numbers}\n")
    yaml = write_yaml(tmp_path / "tiny.yaml", corpus, BIGRAM)
    folder = tmp_path / "run"
    words = ("--output_dir", folder, "--data_dir", tmp_path, "--sample_prompt", "line ")
    outcome = lmcourse("train", yaml, *words, "--vectors", "vectors.txt")
    assert outcome.status == 0, outcome.err
    metrics = result_of(folder)["metrics"]["validation"]
    assert f"word vectors: {metrics['vector_type_coverage']:.1%} of the vocabulary" in outcome.out
    assert 0 < metrics["vector_token_coverage"] < 1
    assert "It began with word vectors" in (folder / "README.md").read_text()
    model = BigramMLPForCausalLM.from_pretrained(folder)
    ids = WordTokenizer.from_pretrained(folder).convert_tokens_to_ids(["line", "says", "so"])
    assert torch.equal(model.model.embed_tokens.weight[ids[:2]], torch.full((2, 8), 0.5))
    assert isinstance(model.config, BigramMLPConfig)
    settings = json.loads((folder / "config.json").read_text())
    assert settings["freeze_vectors"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "freeze_vectors needs a file of word vectors"),
        (["--vectors", "nothing.txt"], "there is no file nothing.txt"),
        (["--vectors", "vectors.txt"], "have size 2 and embedding_size is 8"),
        (["--vocabulary", "words.txt", "--tokenizer", "word"], "vocabulary goes with tokenizer"),
        (["--vocabulary", "words.txt"], "the vocabulary has no entry UUUNKKK"),
    ],
)
def test_vectors_and_vocabularies_that_do_not_fit_are_reported(
    words: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "vectors.txt").write_text("line 1 2\n")
    (tmp_path / "words.txt").write_text("line\nsays\n")
    yaml = write_yaml(tmp_path / "tiny.yaml", write_corpus(tmp_path / "small.txt"), BIGRAM)
    outcome = lmcourse(
        "train", yaml, *words, "--data_dir", tmp_path, "--output_dir", tmp_path / "r"
    )
    assert message in outcome.complaint
    assert not (tmp_path / "r").exists()
