"""`lmcourse evaluate`: perplexity and accuracy of a saved model on a corpus."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..adaptation.adapted_model import AdaptedModel
from ..adaptation.continuous_cache import CacheSettings
from ..adaptation.study import adaptation_study, save_adaptation_study
from ..data.corpora import Corpus, load_corpus, user_file, whole_file
from ..errors import LmcourseError
from ..evaluation.corpus_scores import evaluate_split
from ..inspection.log_probability_rank import rank_bound
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import load_language_model

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Score every token of a split once, and print the figures.

    Args:
        arguments: see `lmcourse evaluate --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    _check(options)
    corpus = _corpus(options)
    split = options.split or ("test" if "test" in corpus.splits else corpus.splits[-1])
    model, tokenizer = load_language_model(options.model, options.revision)
    if not isinstance(model, LanguageModelForCausalLM):
        raise LmcourseError(f"{options.model} is not one of this package's language models")
    began = time.perf_counter()
    metrics = evaluate_split(
        model,
        tokenizer,
        corpus,
        split,
        streams=options.streams,
        block_length=options.block_length,
        stride=options.stride,
        cache_dir=options.cache_dir,
        progress=True,
    )
    seconds = time.perf_counter() - began
    adapted = AdaptedModel(model, tokenizer, corpus, options.cache_dir)
    columns, notes = _adapted_columns(adapted, split, options)
    print(f"{options.model} on {corpus.name}, {split}")  # noqa: T201
    _print_columns({"": metrics, **columns})
    if options.results_dir:
        name, words = Path(options.model).name, ["lmcourse", "evaluate", *arguments]
        figures = {"": {**metrics, "seconds": seconds}, **columns}
        study = adaptation_study(model, name, corpus.name, split, words, figures)
        save_adaptation_study(study, options.results_dir)
    if options.rank:
        rank, shape = adapted.rank(split, options.rank)
        metrics = metrics | {"log_probability_rank": rank}
        notes.append(_rank_note(rank, shape, rank_bound(model)))
    print("".join(f"  {note}\n" for note in notes), end="")  # noqa: T201
    if options.json:
        try:
            text = json.dumps({**metrics, **columns}, indent=2) + "\n"
            Path(options.json).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LmcourseError(f"cannot write {options.json}: {error.strerror}") from error
    return 0


def _corpus(options: argparse.Namespace) -> Corpus:
    """The corpus; a text file whole, unless a split is asked for or adaptation has to be tuned."""
    path = user_file(options.data)
    if path and not (options.split or options.continuous_cache or options.dynamic_evaluation):
        return whole_file(path)
    return load_corpus(options.data, options.data_dir)


def _check(options: argparse.Namespace) -> None:
    """Refuse settings that are out of range, or of what was not asked for."""
    cache = (options.cache_window, options.cache_theta, options.cache_lambda)
    given = [value for value in cache if value is not None]
    if given and (len(given) < 3 or not options.continuous_cache):
        raise LmcourseError(
            "--cache_window, --cache_theta and --cache_lambda go together, and with "
            "--continuous_cache; without them they are tuned on the validation split"
        )
    if given and not (given[0] >= 1 and 0 < given[2] < 1):
        raise LmcourseError("--cache_window must be at least 1, and --cache_lambda between 0 and 1")
    if options.dynamic_rate is not None and not options.dynamic_evaluation:
        raise LmcourseError("--dynamic_rate goes with --dynamic_evaluation")
    if options.dynamic_decay and options.dynamic_rate is None:
        raise LmcourseError("--dynamic_decay goes with --dynamic_rate; together they are tuned")
    if options.results_dir and not (options.continuous_cache or options.dynamic_evaluation):
        raise LmcourseError(
            "--results_dir keeps what adaptation is worth: ask for --continuous_cache or "
            "--dynamic_evaluation, or take --json"
        )
    if options.segment < 1 or options.rank < 0:
        raise LmcourseError("--segment must be at least 1, and --rank at least 0")


def _adapted_columns(
    adapted: AdaptedModel, split: str, options: argparse.Namespace
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """A column for each way to adapt that was asked for, and a line about its settings."""
    columns: dict[str, dict[str, Any]] = {}
    notes = []
    began = time.perf_counter()
    tuned = "tuned on validation" if split != "validation" else "tuned on this very text"
    if options.continuous_cache:
        wanted = None
        if options.cache_window is not None:
            wanted = CacheSettings(options.cache_window, options.cache_theta, options.cache_lambda)
        figures, cache = adapted.with_cache(split, wanted)
        columns["continuous_cache"] = {
            **figures,
            "seconds": time.perf_counter() - began,
            "settings": asdict(cache),
        }
        notes.append(
            f"continuous cache: window {cache.window}, theta {cache.theta:g}, lambda "
            f"{cache.weight:g}, {'given' if wanted else tuned}"
        )
    if options.dynamic_evaluation:
        began = time.perf_counter()
        figures, dynamic = adapted.dynamically(
            split,
            options.dynamic_evaluation,
            options.segment,
            options.dynamic_rate,
            options.dynamic_decay,
        )
        columns["dynamic_evaluation"] = {
            **figures,
            "seconds": time.perf_counter() - began,
            "settings": {**asdict(dynamic), "segment": options.segment},
        }
        notes.append(
            f"dynamic evaluation: {dynamic.rule}, rate {dynamic.rate:g}, decay {dynamic.decay:g}, "
            f"{tuned if options.dynamic_rate is None else 'given'}; segments of {options.segment}"
        )
    return columns, notes


def _print_columns(columns: dict[str, dict[str, Any]]) -> None:
    """The figures as aligned text, one column for each way to score."""
    if len(columns) > 1:
        titles = ["no adaptation", *(name.replace("_", " ") for name in columns if name)]
        print(" " * 22 + "".join(f" {title:>18}" for title in titles))  # noqa: T201
    width = 12 if len(columns) == 1 else 18
    for name, value in columns[""].items():
        cells = [value, *(column.get(name) for key, column in columns.items() if key)]
        print(f"  {name:<20}" + "".join(f" {_shown(cell):>{width}}" for cell in cells))  # noqa: T201


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _rank_note(rank: int, shape: tuple[int, ...], bound: int | None) -> str:
    most = (
        "which nothing bounds but its size" if bound is None else f"at most {bound} for a softmax"
    )
    return f"log-probabilities of {shape[0]:,} contexts x {shape[1]:,} tokens: rank {rank}, {most}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse evaluate", description=__doc__)
    parser.add_argument("model", help="run folder, saved model or id on the Hub")
    parser.add_argument("--revision", help="branch, tag or commit of an id on the Hub (main)")
    parser.add_argument("--data", required=True, help="name of a corpus, or path of a text")
    parser.add_argument(
        "--split",
        help="train, validation or test; by default test where there is one, and a text file whole",
    )
    parser.add_argument("--data_dir", help="folder of local corpora (environment: LMCOURSE_DATA)")
    parser.add_argument("--cache_dir", help="tokenized text (environment: LMCOURSE_CACHE)")
    parser.add_argument(
        "--streams", type=int, help="cut the text into parallel streams (1: not at all)"
    )
    parser.add_argument(
        "--block_length",
        type=int,
        help="tokens a forward pass (512; for a Transformer its longest context)",
    )
    parser.add_argument(
        "--stride", type=int, help="tokens that a Transformer's window scores (half of it)"
    )
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument(
        "--rank",
        type=int,
        default=0,
        help="also the rank of the log-probabilities of so many contexts (more than the width)",
    )
    _add_adaptation(parser.add_argument_group("adaptation at test time, in columns of its own"))
    return parser


def _add_adaptation(group: Any) -> None:
    group.add_argument(
        "--continuous_cache", action="store_true", help="words seen lately (Grave et al. 2017)"
    )
    group.add_argument("--cache_window", type=int, help="tokens back; tuned on validation if none")
    group.add_argument("--cache_theta", type=float, help="how much a similar context counts")
    group.add_argument("--cache_lambda", type=float, help="the share of the cache")
    group.add_argument(
        "--dynamic_evaluation",
        choices=("sgd", "rms"),
        help="a gradient step after each scored segment (Krause et al. 2018)",
    )
    group.add_argument("--segment", type=int, default=5, help="its tokens (5; 20 for characters)")
    group.add_argument("--dynamic_rate", type=float, help="its rate; tuned on validation if none")
    group.add_argument("--results_dir", help="folder that gets adaptation_<run>.json, a study")
    group.add_argument("--dynamic_decay", type=float, default=0.0, help="its way back, with a rate")
