"""The mean of word vectors of a text: ours, compared with fastText and with model2vec."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from hf_lmcourse.data.encoding import plain_backend
from hf_lmcourse.data.labelled_texts import LabelledTexts
from hf_lmcourse.data.ragged import encode_texts
from hf_lmcourse.models.dan import DANConfig, DANForSequenceClassification
from hf_lmcourse.tokenization import WordTokenizer

from .dan_epoch import BATCH, batches_of, random_texts, train_epoch
from .optional import not_installed
from .timing import Comparison, Side, compare

__all__ = [
    "AverageSetting",
    "fasttext_classes",
    "fasttext_training",
    "model2vec_vectors",
    "our_classes",
    "our_training",
    "our_vectors",
    "static_model",
    "word_averages",
    "write_reviews",
]


@dataclass(frozen=True)
class AverageSetting:
    """How many random film reviews there are; width and epochs are the defaults of fastText."""

    texts: int = 1_000
    width: int = 100
    epochs: int = 5

    def __str__(self) -> str:
        return f"{self.texts:,} texts, {self.width} wide"


@dataclass(frozen=True)
class Classifier:
    """A deep averaging network without hidden layers, which is what fastText is; its tokenizer."""

    model: DANForSequenceClassification
    tokenizer: Tokenizer


def word_averages(repeats: int = 9, setting: AverageSetting | None = None) -> Iterator[Comparison]:
    """Time training from a file of labelled texts, and from texts to classes and to vectors.

    Every side reads strings. fastText and model2vec are left out if they are not installed.
    """
    setting = setting or AverageSetting()
    with TemporaryDirectory() as folder:
        path = Path(folder, "reviews.txt")
        texts = write_reviews(path, setting.texts)
        ours = our_training(setting, path)
        row = partial(_row, setting, repeats, sum(text.count(" ") + 1 for text in texts))
        yield row(
            "training",
            setting.epochs,
            partial(our_training, setting, path),
            "fastText",
            lambda: partial(fasttext_training, setting, path),
        )
        yield row(
            "texts to classes",
            1,
            partial(our_classes, ours, texts),
            "fastText",
            lambda: partial(fasttext_classes, fasttext_training(setting, path), texts),
        )
        yield row(
            "texts to vectors",
            1,
            partial(our_vectors, ours, texts),
            "model2vec",
            lambda: partial(model2vec_vectors, static_model(ours), texts),
        )


def _row(
    setting: AverageSetting,
    repeats: int,
    words: int,
    what: str,
    epochs: int,
    our_step: Callable[[], object],
    other: str,
    other_step: Callable[[], Callable[[], object]],
) -> Comparison:
    """Compare with another library, or say that it is not installed.

    Args:
        setting: As in `word_averages`.
        repeats: As there.
        words: Number of words of the texts.
        what: What is done with them.
        epochs: How often they are read.
        our_step: Our side.
        other: Name of the other side; in lower case, of its package.
        other_step: Builds the other side, if it is installed.
    """
    sides, missing = [Side("ours", our_step)], not_installed("bench", other.lower())
    if not missing:
        sides.append(Side(other, other_step()))
    return compare(
        f"mean of word vectors, {what}",
        f"{setting}, {epochs} epoch{'s' * (epochs > 1)}",
        sides,
        repeats,
        amount=epochs * words,
        unit="words",
        unmeasured={other: missing} if missing else {},
    )


def write_reviews(path: Path, count: int) -> list[str]:
    """Write random film reviews as fastText reads them, a label and a text per line.

    Returns:
        The texts.
    """
    data = random_texts(count)
    rows = [data[i] for i in range(count)]
    texts = [" ".join(f"w{word}" for word in row["input_ids"]) for row in rows]
    lines = (f"__label__{row['labels']} {text}\n" for row, text in zip(rows, texts, strict=True))
    path.write_text("".join(lines), encoding="utf-8")
    return texts


def our_training(setting: AverageSetting, path: Path) -> Classifier:
    """Train on a file: read it, collect its words, encode it, and take the steps of all epochs."""
    lines = path.read_text(encoding="utf-8").splitlines()
    labels, texts = zip(*(line.split(" ", 1) for line in lines), strict=True)
    classes = sorted(set(labels))
    tokenizer = WordTokenizer.train(texts)
    labelled = LabelledTexts(list(texts), [classes.index(label) for label in labels])
    with TemporaryDirectory() as cache:
        data = encode_texts(labelled, tokenizer, cache)
    model = _classifier(len(tokenizer), setting.width, len(classes))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    batches = batches_of(data)
    for _ in range(setting.epochs):
        train_epoch(model, optimizer, batches)
    return Classifier(model.eval(), plain_backend(tokenizer))


def _classifier(vocabulary: int, width: int, classes: int) -> DANForSequenceClassification:
    torch.manual_seed(0)
    config = DANConfig(
        vocab_size=vocabulary,
        embedding_size=width,
        num_hidden_layers=0,
        word_dropout=0.0,
        sparse_gradients=True,
        num_labels=classes,
    )
    return DANForSequenceClassification(config).train()


@torch.no_grad()
def our_classes(ours: Classifier, texts: Sequence[str]) -> list[int]:
    """Return the predicted class of each text."""
    return [
        number
        for words, lengths in _batches(ours.tokenizer, texts)
        for number in ours.model(input_ids=words, lengths=lengths).logits.argmax(-1).tolist()
    ]


@torch.no_grad()
def our_vectors(ours: Classifier, texts: Sequence[str]) -> Tensor:
    """Return the mean of the word vectors of each text.

    Shape:
        result: (texts, width).
    """
    means = [ours.model.model.mean(*batch) for batch in _batches(ours.tokenizer, texts)]
    return torch.cat(means)


def _batches(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the token ids of some texts, one after the other, and their lengths."""
    for start in range(0, len(texts), BATCH):
        batch = list(texts[start : start + BATCH])
        ids = [each.ids for each in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        words = torch.from_numpy(np.concatenate([np.asarray(row, np.int64) for row in ids]))
        yield words, torch.tensor([len(row) for row in ids])


def fasttext_training(setting: AverageSetting, path: Path) -> Any:
    """Train what `our_training` trains with fastText, on as many threads as torch has."""
    import fasttext  # of the extra `bench`

    return fasttext.train_supervised(
        str(path),
        dim=setting.width,
        epoch=setting.epochs,
        thread=torch.get_num_threads(),
        verbose=0,
    )


def fasttext_classes(model: Any, texts: Sequence[str]) -> list[int]:
    """Return the class of each text that a model of fastText predicts."""
    labels, _ = model.predict(list(texts))
    return [int(label.removeprefix("__label__")) for (label,) in labels]


def static_model(ours: Classifier) -> Any:
    """Build a model of model2vec with our tokenizer and our word vectors."""
    import model2vec  # of the extra `bench`

    vectors = ours.model.model.embed_tokens.weight.detach().numpy()
    return model2vec.StaticModel(vectors, ours.tokenizer, normalize=False)


def model2vec_vectors(model: Any, texts: Sequence[str]) -> Any:
    """Return the vector of each text by model2vec, of all its words.

    Shape:
        result: (texts, width).
    """
    return model.encode(list(texts), max_length=None)
