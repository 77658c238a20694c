"""`lmcourse evaluate`: perplexity and accuracy of a saved model on a corpus."""

import argparse
import json
from pathlib import Path

from ..data.corpora import load_corpus
from ..errors import LmcourseError
from ..evaluation.corpus import evaluate_split
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
    corpus = load_corpus(options.data, options.data_dir)
    split = options.split or ("test" if "test" in corpus.splits else corpus.splits[-1])
    model, tokenizer = load_language_model(options.model, options.revision)
    if not isinstance(model, LanguageModelForCausalLM):
        raise LmcourseError(f"{options.model} is not one of this package's language models")
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
    print(f"{options.model} on {corpus.name}, {split}")  # noqa: T201
    for name, value in metrics.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        print(f"  {name:<20} {shown:>12}")  # noqa: T201
    if options.json:
        try:
            Path(options.json).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise LmcourseError(f"cannot write {options.json}: {error.strerror}") from error
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse evaluate", description=__doc__)
    parser.add_argument("model", help="run folder, saved model or id on the Hub")
    parser.add_argument("--revision", help="branch, tag or commit of an id on the Hub (main)")
    parser.add_argument("--data", required=True, help="name of a corpus, or path of a text")
    parser.add_argument("--split", help="train, validation or test; test where there is one")
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
    return parser
