"""`lmcourse errors`: show where a classifier is wrong, and which words caused the errors."""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.ragged import encode_texts
from ..errors import LmcourseError
from ..evaluation.classifier_scores import log_probabilities
from ..evaluation.evaluate_classifiers import labelled_texts, load_averaging_network
from ..inspection.classifier_error_plots import plot_calibration, plot_confusion, plot_groups
from ..inspection.classifier_error_report import WrongText, errors_markdown
from ..inspection.classifier_errors import (
    accuracy_by_length,
    accuracy_by_negation,
    calibration,
    confusion_matrix,
    log_odds,
    word_contributions,
)
from ..report.files import check_writable, write_text
from ..report.titles import corpus_title
from .seeds import check_seed


def run(arguments: list[str]) -> int:
    """Write errors.md and its plots."""
    options = _parser().parse_args(arguments)
    check_seed(options.seed)
    check_writable(options.output_dir, "--output_dir")
    if options.examples < 1:
        raise LmcourseError("--examples must be at least 1")
    model, tokenizer = load_averaging_network(options.model, options.revision)
    corpus, split = labelled_texts(
        options.model,
        model,
        options.data,
        options.split,
        text_column=options.text_column,
        label_column=options.label_column,
        data_dir=options.data_dir,
    )
    texts, classes = corpus.splits[split].texts, corpus.label_names
    encoded = encode_texts(corpus.splits[split], tokenizer, options.cache_dir)
    log_p, right = log_probabilities(model, encoded), np.asarray(encoded.labels)
    p, predicted = np.exp(log_p), log_p.argmax(-1)
    odds = log_odds(torch.from_numpy(log_p), torch.from_numpy(predicted)).numpy()
    words = [tokenizer.convert_ids_to_tokens(encoded[i]["input_ids"]) for i in range(len(encoded))]

    def wrong_text(i: int) -> WrongText:
        ids = torch.as_tensor(encoded[i]["input_ids"], device=model.device)
        return WrongText(
            text=texts[i],
            true=classes[right[i]],
            predicted=classes[predicted[i]],
            log_odds=float(odds[i]),
            words=words[i],
            contributions=word_contributions(model, ids),
        )

    wrong = np.flatnonzero(predicted != right)
    chosen = _choose(wrong, odds, options.examples, options.seed)
    examples = {name: [wrong_text(i) for i in places] for name, places in chosen.items()}
    confusion = confusion_matrix(predicted, right, len(classes))
    bins, calibration_error = calibration(p, right)
    tables = {
        "By length": accuracy_by_length(p, right, np.diff(encoded.borders)),
        "By negation": accuracy_by_negation(p, right, words),
    }
    what = f"{Path(options.model).name} on {corpus_title(corpus.name)}, {split}"
    title = f"Errors of {what}"
    report = errors_markdown(title, confusion, classes, tables, calibration_error, examples)
    folder = Path(options.output_dir)
    plot_confusion(confusion, classes, what, folder / "confusion.png")
    plot_calibration(bins, what, folder / "calibration.png")
    plot_groups(tables, what, folder / "groups.png")
    write_text(folder / "errors.md", report)
    print(
        f"{title}: {len(wrong):,} of {len(right):,} wrong ({np.mean(predicted == right):.2%} right)"
    )
    print(f"{folder}: errors.md, confusion.png, calibration.png, groups.png")
    return 0


def _choose(
    wrong: NDArray[np.integer], odds: NDArray[np.float64], number: int, seed: int
) -> dict[str, list[int]]:
    """Choose the errors with the highest log-odds, and some of the others at random."""
    by_confidence = wrong[np.argsort(-odds[wrong], kind="stable")]
    surest, others = by_confidence[:number], by_confidence[number:]
    drawn = np.random.default_rng(seed).permutation(others)[:number]
    return {
        "Most confident errors": surest.tolist(),
        "Errors drawn at random": sorted(drawn.tolist()),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse errors", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--data", required=True, help="Name or path of a labelled corpus.")
    add(
        "--split",
        help="Train, validation or test (test if there is one; a single table is read whole).",
    )
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--text_column", default="text", help="Column of the texts (text).")
    add("--label_column", default="label", help="Column of the labels (label).")
    add("--cache_dir", help="Folder of encoded texts (environment: LMCOURSE_CACHE).")
    add("--examples", type=int, default=5, help="Errors of each sort to show (5).")
    add("--seed", type=int, default=0, help="Seed by which the errors to show are drawn (0).")
    add("--output_dir", default="errors", help="Folder of the report and its plots (errors).")
    return parser
