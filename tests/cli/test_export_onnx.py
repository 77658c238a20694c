"""`lmcourse export-onnx` on saved models, and on what is none."""

import os
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.models.loading import load_language_model
from hf_lmcourse.tokenization import train_tokenizer

from .commands import FinishedRun, lmcourse

NEEDS = 'onnxruntime is not installed: pip install ".[onnx]"'


@pytest.mark.slow
def test_a_run_becomes_two_graphs_and_a_tokenizer(finished: FinishedRun, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason=NEEDS)
    outcome = lmcourse("export-onnx", finished.folder, "--output", tmp_path / "new" / "folder")
    assert outcome.status == 0, outcome.err
    paths = outcome.out.splitlines()
    assert [Path(path).name for path in paths] == ["model.onnx", "step.onnx"]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "new" / "folder")
    ids = tokenizer("line 1 says", return_tensors="pt")["input_ids"]
    session = onnxruntime.InferenceSession(paths[0])
    (logits,) = session.run(["logits"], {"input_ids": ids.numpy()})
    model, _ = load_language_model(str(finished.folder))
    expected = model.cpu()(input_ids=ids).logits.detach()
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=1e-5, atol=1e-5)


def test_a_classifier_becomes_one_graph(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason=NEEDS)
    tokenizer = train_tokenizer("word_punctuation", "good film, bad film")
    config = DANConfig(vocab_size=len(tokenizer), embedding_size=4, hidden_size=4)
    DANForSequenceClassification(config).save_pretrained(tmp_path / "dan")
    tokenizer.save_pretrained(tmp_path / "dan")
    outcome = lmcourse("export-onnx", tmp_path / "dan", "--output", tmp_path)
    assert (outcome.status, outcome.out) == (0, f"{tmp_path / 'model.onnx'}\n")


def test_what_is_not_a_model_is_reported(tmp_path: Path) -> None:
    words = ("export-onnx", tmp_path, "--output", tmp_path / "out")
    assert f"{tmp_path} has no config.json" in lmcourse(*words).complaint
    assert not (tmp_path / "out").exists()
    outcome = lmcourse("export-onnx", tmp_path)
    assert outcome.status == 2 and "--output" in outcome.err


def test_a_folder_that_cannot_be_written_is_reported(finished: FinishedRun, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason=NEEDS)
    (tmp_path / "file").write_text("")
    outcome = lmcourse("export-onnx", finished.folder, "--output", tmp_path / "file" / "folder")
    assert "cannot write to" in outcome.complaint and os.fspath(tmp_path) in outcome.complaint
