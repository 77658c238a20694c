"""`lmcourse similarity`: compare the similarity of word vectors with human judgements."""

import argparse
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.word_vectors import WordVectors, read_word_vectors
from ..evaluation.word_similarity import (
    WORD_PAIRS,
    load_word_pairs,
    rank_correlation,
    score_pairs,
    write_pairs,
)
from ..models.exported_vectors import model_vectors
from ..models.loading import load_model
from ..report.files import check_writable
from ..report.results import RunResult, provenance


def run(arguments: list[str]) -> int:
    """Print Spearman's correlation for each set of pairs, and write the pairs as CSV."""
    options = _parser().parse_args(arguments)
    check_writable(options.output_dir, "--output_dir")
    if options.results_dir:
        check_writable(options.results_dir, "--results_dir")
    began = time.perf_counter()
    sets = {Path(n).stem: load_word_pairs(n, options.data_dir) for n in options.pairs}
    words = {word for pairs in sets.values() for p in pairs for word in (p.first, p.second)}
    source, vectors, about = _vectors(options, words)
    folder = Path(options.output_dir)
    for name, pairs in sets.items():
        scored = score_pairs(pairs, vectors)
        metrics = rank_correlation(scored)
        print(f"{name}: {_shown(metrics)}")
        write_pairs(scored, folder / f"{name}.csv")
        if options.results_dir:
            result = RunResult(
                name=f"{source}_{name}",
                corpus=name,
                config="",
                metrics={"test": metrics},
                seed=0,
                epochs=0.0,
                wall_time_seconds=round(time.perf_counter() - began, 1),
                **about,
                **provenance(["lmcourse", "similarity", *arguments]),
            )
            result.save(Path(options.results_dir, f"{result.name}.json"))
    print(f"each pair with its cosine: {', '.join(f'{folder / name}.csv' for name in sets)}")
    return 0


def _vectors(
    options: argparse.Namespace, words: Collection[str]
) -> tuple[str, WordVectors, dict[str, Any]]:
    """Read the vectors of a file (only those of these words if possible), or of a model.

    Returns:
        The name of the source, its vectors, and what a result file says about it.
    """
    path = Path(options.source)
    if path.is_file() or path.is_fifo():
        wanted = {form for word in words for form in (word, word.lower())}
        all_words = (path,) if options.subtract_mean else (path, wanted.__contains__)
        found = read_word_vectors(*all_words)
        name, model_type, parameters = (
            path.name.split(".txt")[0],
            "word_vectors",
            found.vectors.size,
        )
    else:
        model, tokenizer = load_model(options.source)
        found = model_vectors(model, tokenizer, options.layer)
        name, model_type, parameters = path.name, model.config.model_type, model.num_parameters()
    if options.subtract_mean:
        found = replace(found, vectors=found.vectors - found.vectors.mean(0))
        name += "_without_mean"
    return name, found, {"model_type": model_type, "parameters": parameters}


def _shown(metrics: dict[str, float]) -> str:
    pairs, excluded = int(metrics["pairs"]), int(metrics["excluded"])
    return (
        f"Spearman {metrics['spearman']:.3f}, p = {metrics['p_value']:.2g}, over {pairs} of "
        f"{pairs + excluded} pairs ({excluded} excluded)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse similarity", description=__doc__)
    add = parser.add_argument
    add("source", help="A model, or a text file of word vectors.")
    add(
        "--pairs",
        nargs="+",
        default=list(WORD_PAIRS),
        help="Sets of word pairs by name, or files of two words and a score per line (wordsim353 "
        "simlex999).",
    )
    add(
        "--layer",
        choices=["input", "output"],
        default="input",
        help="Layer of a model whose embeddings are scored (input).",
    )
    add(
        "--subtract_mean",
        action="store_true",
        help="Subtract the mean of all vectors first (Mu and Viswanath 2018).",
    )
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add(
        "--output_dir",
        default="similarity",
        help="Folder for one CSV file per set of pairs (similarity).",
    )
    add("--results_dir", help="Folder for one result file per set of pairs.")
    return parser
