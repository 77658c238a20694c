"""`lmcourse evaluate`: perplexity and accuracy of a saved model on a corpus.

Of a classifier it is the accuracy, and the cross-entropy of a text in nats.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..adaptation.adapted_model import AdaptedModel
from ..adaptation.continuous_cache import CacheSettings
from ..adaptation.study import adaptation_study
from ..data.corpora import load_corpus
from ..errors import LmcourseError
from ..evaluation.averaged_models import evaluate_average
from ..evaluation.evaluate import evaluate, metrics_table
from ..evaluation.evaluate_classifiers import evaluate_classifiers
from ..inspection.log_probability_rank import log_probability_rank, rank_bound
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import is_saved_classifier
from ..report.files import check_writable
from ..report.json_files import write_json
from ..report.scoring_study import ScoringStudy

_SIZES = ("streams", "block_length", "stride")
"""How the text is cut for a language model."""


def run(arguments: list[str]) -> int:
    """Score every token of a split once, and print the metrics."""
    options = _parser().parse_args(arguments)
    _check(options)
    if options.results_dir:
        check_writable(options.results_dir, "--results_dir")
    if options.json:
        check_writable(Path(options.json).parent, "--json")
    command = ["lmcourse", "evaluate", *arguments]
    if is_saved_classifier(options.model[0], options.revision):
        return _classifiers(options, command)
    if options.text_column or options.label_column:
        raise LmcourseError("--text_column and --label_column are for classifiers")
    return _average(options, command) if options.average else _one_model(options, command)


def _text(options: argparse.Namespace) -> dict[str, Any]:
    """How the text is read, as arguments of `evaluate` and `evaluate_average`."""
    names = ("revision", *_SIZES, "data_dir", "cache_dir")
    return {name: getattr(options, name) for name in names}


def _average(options: argparse.Namespace, command: list[str]) -> int:
    """Score several models and the average of their probabilities."""
    study = evaluate_average(options.model, options.data, options.split, **_text(options))
    _report(study, options, command)
    return 0


def _classifiers(options: argparse.Namespace, command: list[str]) -> int:
    """Score a classifier, or several and the average of their probabilities."""
    sizes = any(getattr(options, name) is not None for name in _SIZES)
    if sizes or _adapting(options) or options.rank:
        raise LmcourseError(
            f"{options.model[0]} is a classifier: sizes of blocks, adaptation and --rank are for "
            "language models"
        )
    study = evaluate_classifiers(
        options.model,
        options.data,
        options.split,
        revision=options.revision,
        text_column=options.text_column or "text",
        label_column=options.label_column or "label",
        data_dir=options.data_dir,
        cache_dir=options.cache_dir,
    )
    _report(study, options, command)
    return 0


def _report(study: ScoringStudy, options: argparse.Namespace, command: list[str]) -> None:
    """Print what a text costs, and write it where the options say."""
    print(f"{study.corpus}, {study.split}\n{metrics_table(study.columns)}")
    if options.results_dir:
        study.save(command, options.results_dir)
    if options.json:
        alone = next(iter(study.columns.values()))
        write_json(options.json, study.columns if options.average else alone)


def _one_model(options: argparse.Namespace, command: list[str]) -> int:
    """Score a model, and with each adaptation that was asked for."""
    adapting = _adapting(options)
    scored = evaluate(
        options.model[0],
        # Adaptation is tuned on a validation split, so that a text file is then cut into splits.
        load_corpus(options.data, options.data_dir) if adapting else options.data,
        options.split,
        **_text(options),
    )
    model: Any = scored.model
    if (adapting or options.rank) and not isinstance(model, LanguageModelForCausalLM):
        raise LmcourseError(
            f"adaptation and --rank are for the models of this package, not {type(model).__name__}"
        )
    adapted = AdaptedModel(model, scored.tokenizer, scored.corpus, options.cache_dir, progress=True)
    columns, notes = _adapted_columns(adapted, scored.split, options)
    study = adaptation_study(scored, columns)
    print(f"{scored.title}\n{metrics_table(study.columns)}")
    if options.results_dir:
        study.save(command, options.results_dir)
    if options.rank:
        rank, shape = log_probability_rank(
            model,
            scored.tokenizer,
            scored.corpus,
            scored.split,
            options.rank,
            options.cache_dir,
        )
        scored["log_probability_rank"] = rank
        bound = rank_bound(model)
        limit = "without a bound" if bound is None else f"at most {bound} for a softmax"
        notes.append(
            f"log-probabilities of {shape[0]:,} contexts x {shape[1]:,} tokens: rank {rank}, "
            f"{limit}"
        )
    for note in notes:
        print(f"  {note}")
    if options.json:
        write_json(options.json, {**scored, **columns})
    return 0


def _adapting(options: argparse.Namespace) -> bool:
    return bool(options.tune_temperature or options.continuous_cache or options.dynamic_evaluation)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that are out of range, or that need another one."""
    if len(options.model) > 1 and not options.average:
        raise LmcourseError(
            "several models are averaged with --average, and compared by lmcourse perplexity"
        )
    if options.average and (_adapting(options) or options.rank):
        raise LmcourseError("--average goes without adaptation and without --rank")
    cache = (options.cache_window, options.cache_theta, options.cache_lambda)
    given = [value for value in cache if value is not None]
    if given and (len(given) < 3 or not options.continuous_cache):
        raise LmcourseError(
            "--cache_window, --cache_theta and --cache_lambda go together, and with "
            "--continuous_cache; without them they are tuned on the validation split"
        )
    if given and not (given[0] >= 1 and 0 < given[2] < 1):
        raise LmcourseError("--cache_window must be at least 1, and --cache_lambda between 0 and 1")
    if options.cache_half_life is not None and not (given and options.cache_half_life > 0):
        raise LmcourseError("--cache_half_life is above 0, and goes with --cache_window")
    if options.dynamic_rate is not None and not options.dynamic_evaluation:
        raise LmcourseError("--dynamic_rate goes with --dynamic_evaluation")
    if options.dynamic_decay and options.dynamic_rate is None:
        raise LmcourseError("--dynamic_decay goes with --dynamic_rate; together they are tuned")
    if options.results_dir and not (_adapting(options) or options.average):
        raise LmcourseError(
            "--results_dir saves what adaptation gains, or an average: use it with "
            "--tune_temperature, --continuous_cache, --dynamic_evaluation or --average, or use "
            "--json"
        )
    if options.segment < 1 or options.rank < 0:
        raise LmcourseError("--segment must be at least 1, and --rank at least 0")


def _adapted_columns(
    adapted: AdaptedModel, split: str, options: argparse.Namespace
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Score with each adaptation that was asked for; return its metrics and its settings."""
    columns: dict[str, dict[str, Any]] = {}
    notes = []
    tuned = "tuned on validation" if split != "validation" else "tuned on the scored text"

    def add(name: str, score: Callable[[], tuple[dict[str, float], Any]], **more: int) -> Any:
        began = time.perf_counter()
        metrics, settings = score()
        seconds = time.perf_counter() - began
        columns[name] = {**metrics, "seconds": seconds, "settings": {**asdict(settings), **more}}
        return settings

    if options.tune_temperature:
        chosen = add("tuned_temperature", lambda: adapted.at_best_temperature(split))
        notes.append(f"softmax at temperature {chosen.temperature:.3f}, {tuned}")
    if options.continuous_cache:
        given = None
        if options.cache_window is not None:
            given = CacheSettings(
                options.cache_window,
                options.cache_theta,
                options.cache_half_life,
                options.cache_lambda,
            )
        cache = add("continuous_cache", lambda: adapted.with_cache(split, given))
        half_life = "none" if cache.half_life is None else f"{cache.half_life:g}"
        notes.append(
            f"continuous cache: window {cache.window}, theta {cache.theta:g}, half-life "
            f"{half_life}, lambda {cache.weight:g}, {'given' if given else tuned}"
        )
    if options.dynamic_evaluation:
        rule, segment, rate = options.dynamic_evaluation, options.segment, options.dynamic_rate
        dynamic = add(
            "dynamic_evaluation",
            lambda: adapted.dynamically(split, rule, segment, rate, options.dynamic_decay),
            segment=segment,
        )
        notes.append(
            f"dynamic evaluation: {rule}, rate {dynamic.rate:g}, decay {dynamic.decay:g}, "
            f"{tuned if rate is None else 'given'}; segments of {segment}"
        )
    return columns, notes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse evaluate", description=__doc__)
    add = parser.add_argument
    add("model", nargs="+", help="Run folder, saved model or id on the Hub.")
    add(
        "--average",
        action="store_true",
        help="Score several models of the same tokenizer, or classifiers of the same classes, and "
        "the mean of their probabilities.",
    )
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--data", required=True, help="Name of a corpus, or path of a text.")
    add(
        "--split",
        help="Split to score: train, validation or test (test if there is one; a text file is "
        "scored whole).",
    )
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    add("--text_column", help="Column of a classifier's texts in a table of your own (text).")
    add("--label_column", help="Column of their labels (label).")
    add("--cache_dir", help="Folder of tokenized text (environment: LMCOURSE_CACHE).")
    add("--streams", type=int, help="Cut the text into parallel streams (1).")
    add(
        "--block_length",
        type=int,
        help="Tokens per forward pass (512; for a Transformer its longest context).",
    )
    add("--stride", type=int, help="Tokens that a Transformer's window scores (half of it).")
    add("--json", help="Also write the metrics to this file.")
    add(
        "--rank",
        type=int,
        default=0,
        help="Also compute the rank of the log-probabilities of this many contexts, which should "
        "be more than the width of the model.",
    )
    _add_adaptation(parser.add_argument_group("adaptation at test time, one column each"))
    return parser


def _add_adaptation(group: Any) -> None:
    add = group.add_argument
    add(
        "--tune_temperature",
        action="store_true",
        help="Score with the temperature of the softmax that is best on the validation split.",
    )
    add(
        "--continuous_cache",
        action="store_true",
        help="Mix in a cache of recent words (Grave et al. 2017).",
    )
    add("--cache_window", type=int, help="Tokens in the cache (tuned on the validation split).")
    add(
        "--cache_theta",
        type=float,
        help="Scale of the cosine of hidden states in the cache (tuned on validation).",
    )
    add(
        "--cache_half_life",
        type=float,
        help="Tokens after which an entry of the cache counts half (tuned; given, never).",
    )
    add(
        "--cache_lambda",
        type=float,
        help="Weight of the cache in the mixture (tuned on validation).",
    )
    add(
        "--dynamic_evaluation",
        choices=("sgd", "rms"),
        help="Take a gradient step after each scored segment (Krause et al. 2018).",
    )
    add(
        "--segment",
        type=int,
        default=5,
        help="Tokens in a segment of dynamic evaluation (5; use 20 for characters).",
    )
    add(
        "--dynamic_rate",
        type=float,
        help="Learning rate of dynamic evaluation (tuned on validation).",
    )
    add(
        "--dynamic_decay",
        type=float,
        default=0.0,
        help="Decay of dynamic evaluation towards the trained weights; needs --dynamic_rate (0).",
    )
    add(
        "--results_dir",
        help="Write the comparison to adaptation_<run>.json or average_<runs>.json in this folder.",
    )
