"""`lmcourse errors`: show where a classifier is wrong, and which words caused the errors."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.labelled import LabelledCorpus, load_labelled_corpus
from ..data.ragged import encode_texts
from ..errors import LmcourseError, short
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
from ..report.files import check_writable, write_text
from .seeds import check_seed


def run(arguments: list[str]) -> int:
    """Write errors.md and its plots."""
    options = _parser().parse_args(arguments)
    check_seed(options.seed)
    check_writable(options.output_dir, "--output_dir")
    if options.examples < 1:
        raise LmcourseError("--examples must be at least 1")
    model, tokenizer = _load(options)
    corpus = _corpus(options, model)
    split = options.split or ("test" if "test" in corpus.splits else "validation")
    if split not in corpus.splits:
        raise LmcourseError(f"{corpus.name} has no {split} split, only {', '.join(corpus.splits)}")
    texts, classes = corpus.splits[split].texts, corpus.label_names
    encoded = encode_texts(corpus.splits[split], tokenizer, options.cache_dir)
    p, right = probabilities(model, encoded), np.asarray(encoded.labels)
    predicted = p.argmax(-1)
    words = [tokenizer.convert_ids_to_tokens(encoded[i]["input_ids"]) for i in range(len(encoded))]

    def wrong_text(i: int) -> WrongText:
        ids = torch.as_tensor(encoded[i]["input_ids"], device=model.device)
        return WrongText(
            text=texts[i],
            right=classes[right[i]],
            predicted=classes[predicted[i]],
            probability=float(p[i].max()),
            words=words[i],
            contributions=word_contributions(model, ids),
        )

    chosen = _choose(p, right, options.examples, options.seed)
    examples = {name: [wrong_text(i) for i in places] for name, places in chosen.items()}
    confusion = confusion_matrix(predicted, right, len(classes))
    bins, calibration_error = calibration(p, right)
    tables = {
        "By length": accuracy_by_length(p, right, np.diff(encoded.borders)),
        "By negation": accuracy_by_negation(p, right, words),
    }
    title = f"Errors of {Path(options.model).name} on {corpus.name}, {split}"
    report = errors_markdown(title, confusion, classes, tables, calibration_error, examples)
    folder = Path(options.output_dir)
    plot_confusion(confusion, classes, folder / "confusion.png")
    plot_calibration(bins, folder / "calibration.png")
    plot_groups(tables, folder / "groups.png")
    write_text(folder / "errors.md", report)
    wrong = int((predicted != right).sum())
    print(f"{title}: {wrong:,} of {len(right):,} wrong ({1 - wrong / len(right):.2%} right)")
    print(f"{folder}: errors.md, confusion.png, calibration.png, groups.png")
    return 0


def _load(options: argparse.Namespace) -> tuple[DANForSequenceClassification, Any]:
    model, tokenizer = load_classifier(options.model, options.revision)
    if not isinstance(model, DANForSequenceClassification):
        raise LmcourseError(f"{options.model} is not a deep averaging network of this package")
    return model, tokenizer


def _corpus(options: argparse.Namespace, model: DANForSequenceClassification) -> LabelledCorpus:
    """Load labelled texts, whose classes are those of the model in its order."""
    settings: Any = model.config
    classes = [settings.id2label[index] for index in range(settings.num_labels)]
    corpus = load_labelled_corpus(
        options.data,
        options.data_dir,
        text_column=options.text_column,
        label_column=options.label_column,
        classes=classes,
    )
    if classes != list(corpus.label_names):
        raise LmcourseError(
            f"{options.model} knows the classes {short(', '.join(classes))}, and {corpus.name} has "
            f"{short(', '.join(corpus.label_names))}"
        )
    return corpus


def _choose(
    p: NDArray[np.float64], right: NDArray[np.integer], number: int, seed: int
) -> dict[str, list[int]]:
    """Choose the errors with the highest confidence, and some of the others at random."""
    wrong = np.flatnonzero(p.argmax(-1) != right)
    by_confidence = wrong[np.argsort(-p[wrong].max(-1), kind="stable")]
    surest, others = by_confidence[:number], by_confidence[number:]
    drawn = np.random.default_rng(seed).permutation(others)[:number]
    return {"Surest errors": surest.tolist(), "Errors drawn at random": sorted(drawn.tolist())}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse errors", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--data", required=True, help="Name or path of a labelled corpus.")
    add("--split", help="Split to classify (test if there is one, else validation).")
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--text_column", default="text", help="Column of the texts (text).")
    add("--label_column", default="label", help="Column of the labels (label).")
    add("--cache_dir", help="Folder of encoded texts (environment: LMCOURSE_CACHE).")
    add("--examples", type=int, default=5, help="Errors of each sort to show (5).")
    add("--seed", type=int, default=0, help="Seed by which the errors to show are drawn (0).")
    add("--output_dir", default="errors", help="Folder of the report and its plots (errors).")
    return parser
