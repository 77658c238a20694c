"""Encoded texts come back as they went in, also from the cache, and a batch holds no padding."""

from pathlib import Path

import numpy as np
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.labelled_texts import LabelledTexts
from hf_lmcourse.data.ragged import encode_texts, ragged_batch
from hf_lmcourse.tokenization import WordPunctuationTokenizer

TEXTS = LabelledTexts(["A fine film .", "", "dull , dull"], [1, 0, 0])
TOKENIZER = WordPunctuationTokenizer.train(TEXTS.texts)


def test_each_text_has_its_tokens_and_its_class(tmp_path: Path) -> None:
    for _ in range(2):  # the second time from the cache
        encoded = encode_texts(TEXTS, TOKENIZER, tmp_path)
        assert len(encoded) == 3
        for index, text in enumerate(TEXTS.texts):
            row = encoded[index]
            assert list(np.asarray(row["input_ids"])) == TOKENIZER(text)["input_ids"]
            assert row["labels"] == TEXTS.labels[index]
    assert len(list(tmp_path.glob("*.npz"))) == 1
    encode_texts(LabelledTexts(["other"], [1]), TOKENIZER, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_a_batch_is_one_text_after_the_other(tmp_path: Path) -> None:
    encoded = encode_texts(TEXTS, TOKENIZER, tmp_path)
    batch = ragged_batch([encoded[2], encoded[1], encoded[0]])
    assert batch["lengths"].tolist() == [3, 0, 4]
    assert batch["labels"].tolist() == [0, 0, 1]
    expected = TOKENIZER(TEXTS.texts[2])["input_ids"] + TOKENIZER(TEXTS.texts[0])["input_ids"]
    assert batch["input_ids"].tolist() == expected
    assert next(iter(batch)) == "labels", "Trainer counts the rows of the first tensor"


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LmcourseError, match="name another folder with --cache_dir"):
        encode_texts(TEXTS, TOKENIZER, tmp_path / "file")
