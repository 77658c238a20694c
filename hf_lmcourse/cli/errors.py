"""`lmcourse errors`: where a classifier is wrong, and which words made it so."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.labelled import load_labelled_corpus
from ..data.ragged import RaggedTexts, encode_texts
from ..errors import LmcourseError
from ..evaluation.classifier_scores import probabilities
from ..inspection.classifier_error_report import (
    WrongText,
    errors_markdown,
    plot_calibration,
    plot_confusion,
    plot_groups,
)
from ..inspection.classifier_errors import (
    accuracy_by_length,
    accuracy_by_negation,
    calibration,
    confusion_matrix,
    word_contributions,
)
from ..models.dan import DANForSequenceClassification
from ..models.loading import load_classifier

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Write errors.md and its pictures.

    Args:
        arguments: see `lmcourse errors --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    if options.examples < 1:
        raise LmcourseError("--examples must be at least 1")
    corpus = load_labelled_corpus(
        options.data,
        options.data_dir,
        text_column=options.text_column,
        label_column=options.label_column,
    )
    split = options.split or ("test" if "test" in corpus.splits else "validation")
    if split not in corpus.splits:
        raise LmcourseError(f"{corpus.name} has no {split} split, only {', '.join(corpus.splits)}")
    model: Any
    model, tokenizer = load_classifier(options.model, options.revision)
    if not isinstance(model, DANForSequenceClassification):
        raise LmcourseError(f"{options.model} is no deep averaging network of this package")
    settings: Any = model.config
    classes = [settings.id2label[index] for index in range(settings.num_labels)]
    if classes != list(corpus.label_names):
        raise LmcourseError(
            f"{options.model} knows the classes {', '.join(classes)}, and {corpus.name} has "
            f"{', '.join(corpus.label_names)}"
        )
    encoded = encode_texts(corpus.splits[split], tokenizer, options.cache_dir)
    p, right = probabilities(model, encoded), np.asarray(encoded.labels)
    folder = Path(options.output_dir)
    title = f"Errors of {Path(options.model).name} on {corpus.name}, {split}"
    texts = corpus.splits[split].texts
    wrong = {
        name: [_wrong_text(model, tokenizer, encoded, texts[i], i, p, classes) for i in places]
        for name, places in _chosen(p, right, options.examples, options.seed).items()
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, title, p, right, classes, encoded, tokenizer, wrong)
    except OSError as error:
        raise LmcourseError(f"cannot write to {folder}: {error.strerror}") from error
    hits = int((p.argmax(-1) == right).sum())
    print(f"{title}: {len(right) - hits:,} of {len(right):,} wrong ({hits / len(right):.2%} right)")
    print(f"{folder}: errors.md, confusion.png, calibration.png, groups.png")
    return 0


def _write(
    folder: Path,
    title: str,
    p: NDArray[np.float64],
    right: NDArray[np.integer],
    classes: list[str],
    encoded: RaggedTexts,
    tokenizer: Any,
    wrong: dict[str, list[WrongText]],
) -> None:
    confusion = confusion_matrix(p.argmax(-1), right, len(classes))
    groups, error = calibration(p, right)
    words = [tokenizer.convert_ids_to_tokens(encoded[i]["input_ids"]) for i in range(len(encoded))]
    tables = {
        "By length": accuracy_by_length(p, right, np.diff(encoded.borders)),
        "By negation": accuracy_by_negation(p, right, words),
    }
    plot_confusion(confusion, classes, folder / "confusion.png")
    plot_calibration(groups, folder / "calibration.png")
    plot_groups(tables, folder / "groups.png")
    report = errors_markdown(title, confusion, classes, tables, error, wrong)
    (folder / "errors.md").write_text(report, encoding="utf-8")


def _chosen(
    p: NDArray[np.float64], right: NDArray[np.integer], number: int, seed: int
) -> dict[str, list[int]]:
    """The wrong texts that the classifier was surest of, and some drawn from the others."""
    wrong = np.flatnonzero(p.argmax(-1) != right)
    by_confidence = wrong[np.argsort(-p[wrong].max(-1), kind="stable")]
    surest, others = by_confidence[:number], by_confidence[number:]
    drawn = np.random.default_rng(seed).permutation(others)[:number]
    return {"Surest errors": surest.tolist(), "Errors drawn at random": sorted(drawn.tolist())}


def _wrong_text(
    model: DANForSequenceClassification,
    tokenizer: Any,
    encoded: RaggedTexts,
    text: str,
    index: int,
    p: NDArray[np.float64],
    classes: list[str],
) -> WrongText:
    ids = torch.as_tensor(encoded[index]["input_ids"], device=model.device)
    return WrongText(
        text=text,
        right=classes[encoded.labels[index]],
        predicted=classes[int(p[index].argmax())],
        probability=float(p[index].max()),
        words=tokenizer.convert_ids_to_tokens(ids.tolist()),
        contributions=word_contributions(model, ids),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse errors", description=__doc__)
    parser.add_argument("model", help="run folder, saved model or id on the Hub")
    parser.add_argument("--revision", help="branch, tag or commit of an id on the Hub (main)")
    parser.add_argument("--data", required=True, help="name of a labelled corpus, or path of one")
    parser.add_argument("--split", help="test where there is one, otherwise validation")
    parser.add_argument("--data_dir", help="folder of local corpora (environment: LMCOURSE_DATA)")
    parser.add_argument("--text_column", default="text", help="of a table of your own (text)")
    parser.add_argument("--label_column", default="label", help="of a table of your own (label)")
    parser.add_argument("--cache_dir", help="tokenized text (environment: LMCOURSE_CACHE)")
    parser.add_argument("--examples", type=int, default=5, help="errors of each kind to show (5)")
    parser.add_argument("--seed", type=int, default=0, help="of the errors that are drawn (0)")
    parser.add_argument("--output_dir", default="errors", help="for the report and its pictures")
    return parser
