"""`lmcourse perplexity`: any language models on any passages, and which figures compare."""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..errors import LmcourseError
from ..evaluation.logit_scorer import check_causal
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import load_language_model
from ..report.results import provenance
from ..text_perplexity.comparability import RULE
from ..text_perplexity.explanation import explanation
from ..text_perplexity.passages import Passage, read_passages
from ..text_perplexity.plots import plot_perplexities
from ..text_perplexity.preprocessing import CHAINS, STEPS, preprocessing
from ..text_perplexity.score import PassageScore, score_passage
from ..text_perplexity.surprisal_page import surprisal_page
from ..text_perplexity.surprisal_plots import plot_surprisal
from ..text_perplexity.table import (
    BASES,
    as_json,
    csv_table,
    json_record,
    markdown_rows,
    text_table,
)
from ..text_perplexity.training_text import (
    TrainingText,
    given_training_text,
    recorded_training_text,
)

__all__ = ["run"]

_SPELLED = (
    "spelled: bits per character where every unknown word has a probability too, that of <unk> "
    "times that of its letters by a trigram of the vocabulary's words. These compare between any "
    "two models of one text; they count no blanks that a tokenizer drops."
)


def run(arguments: list[str]) -> int:
    """Score every model on every passage; print one table, write it with a picture and the reasons.

    Args:
        arguments: see `lmcourse perplexity --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    _check(options)
    chains = [preprocessing(name) for name in options.preprocess]
    passages = read_passages(options.text, chains, options.data_dir)
    training_text = None
    if options.training_text is not None:
        training_text = given_training_text(
            options.training_text, options.hold_out, options.data_dir
        )
    began = time.perf_counter()
    scores = _score_all(options, passages, training_text)
    about = provenance(["lmcourse", "perplexity", *arguments])
    about["seconds"] = round(time.perf_counter() - began, 1)
    print(text_table(scores, options.base))  # noqa: T201
    notes = _notes(options, scores)
    print("\n" + "\n".join(notes))  # noqa: T201
    folder = Path(options.output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = _write(options, folder, scores, notes, about)
    except OSError as error:
        raise LmcourseError(f"cannot write to {folder}: {error.strerror}") from error
    print(f"\n{folder}: {', '.join(names)}")  # noqa: T201
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.temperature <= 0:
        raise LmcourseError("--temperature must be above 0")
    if options.hold_out and options.training_text is None:
        raise LmcourseError("--hold_out says what was taken out of --training_text: give that too")


def _score_all(
    options: argparse.Namespace, passages: list[Passage], given: TrainingText | None
) -> list[PassageScore]:
    """Every model on every passage, one model in memory at a time."""
    scores = []
    with tqdm(total=len(options.model) * len(passages), disable=None, leave=False) as bar:
        for path, name in zip(options.model, _names(options.model), strict=True):
            bar.set_description(name)
            model, tokenizer = load_language_model(path)
            if not tokenizer.is_fast:
                raise LmcourseError(f"{path} has no fast tokenizer (a tokenizer.json)")
            if not isinstance(model, LanguageModelForCausalLM):
                check_causal(model, path)
            training_text = given or recorded_training_text(path, options.data_dir)
            for passage in passages:
                scores.append(
                    score_passage(
                        model,
                        tokenizer,
                        passage,
                        name,
                        block_length=options.block_length,
                        stride=options.stride,
                        temperature=options.temperature,
                        training_text=training_text,
                    )
                )
                bar.update()
    order = [passage.name for passage in passages]  # so that rows that compare stand together
    return sorted(scores, key=lambda score: order.index(score.passage.name))


def _names(paths: Sequence[str]) -> list[str]:
    """The last part of each path, or all of it where two end alike."""
    last = [Path(path).resolve().name if Path(path).is_dir() else path for path in paths]
    names = [n if last.count(n) == 1 else path for n, path in zip(last, paths, strict=True)]
    twice = next((path for path in names if names.count(path) > 1), None)
    if twice is not None:
        raise LmcourseError(f"{twice} is given twice")
    return names


def _notes(options: argparse.Namespace, scores: list[PassageScore]) -> list[str]:
    """What a reader of the table has to know, a paragraph each."""
    notes = [RULE]
    if options.temperature != 1:
        notes.append(
            f"WARNING: the logits are divided by a temperature of {options.temperature:g}. These "
            "figures are no perplexities of the models; only those at temperature 1 are."
        )
    starts: dict[str, list[str]] = {}
    for score in {score.model: score for score in scores}.values():
        token = "nothing: it is not predicted" if score.start is None else repr(score.start)
        starts.setdefault(token, []).append(score.model)
    told = "; ".join(f"from {token} ({', '.join(models)})" for token, models in starts.items())
    notes.append(f"The first token of a passage is predicted {told}.")
    if any(score.metrics["unknown_share"] for score in scores):
        notes.append(_SPELLED)
    for chain in dict.fromkeys(options.preprocess):
        notes.append(f"{chain}: {preprocessing(chain).meaning}.")
    windows = any(score.context.kind == "window" for score in scores)
    if not windows and (options.stride or options.block_length):
        notes.append("--stride and --block_length change nothing: no model here has windows.")
    for name in dict.fromkeys(score.passage.name for score in scores):
        sources = {
            score.model: score.overlap.source
            for score in scores
            if score.passage.name == name and score.overlap is not None and score.overlap.verbatim
        }
        if sources:
            models = ", ".join(f"{model} ({source})" for model, source in sources.items())
            notes.append(f"{name} stands verbatim in the training text of {models}.")
    return notes


def _write(
    options: argparse.Namespace,
    folder: Path,
    scores: list[PassageScore],
    notes: list[str],
    about: dict[str, Any],
) -> list[str]:
    """Every file of the output folder; their names."""
    reasons = explanation(scores)
    record = json_record(scores, options.base) | {"notes": notes, "explanation": reasons} | about
    sections = [
        f"## {title}\n\n" + "\n".join(f"- {s}" for s in s_) for title, s_ in reasons.items()
    ]
    made = (
        f"`{about['command']}`: {about['seconds']} s, {about['device']}, "
        f"threads {about['threads']}, commit {about['commit']}."
    )
    report = [made, markdown_rows(scores, options.base), *notes, *sections]
    texts = {
        "perplexity.md": "\n\n".join(["# Perplexity", *report]) + "\n",
        "perplexity.csv": csv_table(scores, options.base),
        "perplexity.json": as_json(record),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    plot_perplexities(scores, folder / "perplexity.png")
    names = [*texts, "perplexity.png"]
    if options.surprisal:
        for score in scores:
            parts = (score.model, score.passage.name, score.passage.preprocessing)
            stem = "surprisal/" + "--".join(re.sub(r"[^\w.-]+", "_", part) for part in parts)
            plot_surprisal(score, folder / f"{stem}.png")
            (folder / f"{stem}.html").write_text(surprisal_page(score), encoding="utf-8")
        names.append(f"surprisal ({len(scores)} pages and pictures)")
    return names


def _parser() -> argparse.ArgumentParser:
    steps = "; ".join(f"{name}: {step.meaning}" for name, step in STEPS.items())
    chains = "; ".join(f"{name} = {','.join(parts)}" for name, parts in CHAINS.items())
    parser = argparse.ArgumentParser("lmcourse perplexity", description=__doc__)
    parser.add_argument("model", nargs="+", help="run folders, saved models or ids on the Hub")
    parser.add_argument("--text", nargs="+", required=True, help="a text file for each passage")
    parser.add_argument(
        "--preprocess",
        nargs="+",
        default=[],
        help=f"also score the passages after each of these; {chains}; or steps with commas "
        f"between: {steps}".replace("%", "%%"),
    )
    parser.add_argument("--base", choices=list(BASES), default="e", help="of the logarithm (e)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="divide the logits by it; only at 1 is the figure a perplexity of the model (1.0)",
    )
    parser.add_argument(
        "--stride", type=int, help="tokens that a window scores, after the others (half of it)"
    )
    parser.add_argument(
        "--block_length", type=int, help="tokens of a window (the model's longest context)"
    )
    parser.add_argument("--surprisal", action="store_true", help="draw where a model is surprised")
    parser.add_argument(
        "--training_text",
        help="what the models were trained on, to look the passages up in: a corpus or a text "
        "file (what the run folders tell)",
    )
    parser.add_argument(
        "--hold_out", nargs="+", default=[], help="passages taken out of --training_text"
    )
    parser.add_argument("--data_dir", help="folder of local corpora (environment: LMCOURSE_DATA)")
    parser.add_argument("--output_dir", default="perplexity", help="for tables and pictures")
    return parser
