"""Compare language models by their perplexity on the same texts."""

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..errors import LmcourseError
from ..evaluation.token_scores import check_causal
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import load_language_model
from ..report.files import write_text
from ..report.json_files import json_text
from ..report.markdown import code, escaped
from ..report.quiet_libraries import quiet_libraries
from ..report.results import option_words, provenance
from .comparability import RULE
from .explanation import explanation
from .plots import plot_perplexities
from .preprocessing import Preprocessing, preprocessing
from .score import KEPT_TOKENS, TextScore, score_text
from .surprisal_page import surprisal_page
from .surprisal_plots import plot_surprisal
from .table import BASES, any_spelled, csv_table, json_record, markdown_rows, text_table
from .texts import Text, read_texts
from .training_text import TrainingText, given_training_text, recorded_training_text

_SPELLED = (
    "spelled: bits per character where every unknown word has a probability too, that of <unk> "
    "times that of its letters by a trigram of the vocabulary's words; for the tokenizer of the "
    "course assignment every word also has the probability of its capitals, digits and commas. "
    "These compare between any two models of one text; they do not count whitespace that a "
    "tokenizer drops."
)


@dataclass(frozen=True, repr=False)
class PerplexityComparison:
    """Perplexities of several models on several texts.

    It prints as the table of `lmcourse perplexity`, and is displayed as that table in a notebook.

    Attributes:
        scores: One score per model, text and preprocessing, sorted by text.
        base: Base of the logarithm: "2", "e" or "10".
        notes: What a reader of the table has to know, one paragraph each.
        provenance: Command, seconds, device, threads, versions and commit.
    """

    scores: list[TextScore]
    base: str
    notes: list[str]
    provenance: dict[str, Any] = field(repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table with unrounded values, as in `perplexity.json`."""
        return json_record(self.scores, self.base)["rows"]

    def __str__(self) -> str:
        return "\n".join([text_table(self.scores, self.base), "", *self.notes])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return "\n\n".join([markdown_rows(self.scores, self.base), *map(escaped, self.notes)])

    def save(self, folder: str | Path, surprisal: bool = False) -> list[str]:
        """Write `perplexity.md`, `.csv`, `.json` and `.png` into a folder.

        Args:
            folder: Where to write; it is created if it does not exist.
            surprisal: Also write a page and a plot per row that show where the model is surprised,
                into the folder `surprisal`, except for texts of more than 4,194,304 tokens.

        Returns:
            What was written, by name.

        Raises:
            LmcourseError: The folder cannot be written to.
        """
        folder = Path(folder)
        names = self._save_tables(folder)
        if surprisal:
            names.append(self._save_surprisal(folder))
        return names

    def _save_tables(self, folder: Path) -> list[str]:
        reasons, about = explanation(self.scores), self.provenance
        made = (
            f"{code(about['command'])}: {about['seconds']} s, {about['device']}, "
            f"threads {about['threads']}, commit {about['commit']}."
        )
        sections = [
            f"## {title}\n\n" + "\n".join(f"- {escaped(sentence)}" for sentence in sentences)
            for title, sentences in reasons.items()
        ]
        report = ["# Perplexity", made, self._repr_markdown_(), *sections]
        record = json_record(self.scores, self.base)
        record |= {"notes": self.notes, "explanation": reasons} | about
        texts = {
            "perplexity.md": "\n\n".join(report) + "\n",
            "perplexity.csv": csv_table(self.scores, self.base),
            "perplexity.json": json_text(record, ensure_ascii=False),
        }
        for name, text in texts.items():
            write_text(folder / name, text)
        plot_perplexities(record["rows"], folder / "perplexity.png")
        return [*texts, "perplexity.png"]

    def _save_surprisal(self, folder: Path) -> str:
        drawn = [score for score in self.scores if score.costs is not None]
        for score in drawn:
            parts = (score.model, score.text.name, score.text.preprocessing)
            stem = "surprisal/" + "--".join(re.sub(r"[^\w.-]+", "_", part) for part in parts)
            plot_surprisal(score, folder / f"{stem}.png")
            write_text(folder / f"{stem}.html", surprisal_page(score))
        longer = len(self.scores) - len(drawn)
        without = f"; none of {longer} rows of more than {KEPT_TOKENS:,} tokens" * bool(longer)
        return f"surprisal ({len(drawn)} pages and plots{without})"


@quiet_libraries()
def perplexity(
    models: str | Path | Sequence[str | Path],
    texts: str | Path | Sequence[str | Path],
    *,
    preprocess: str | Sequence[str] = (),
    base: str = "e",
    temperature: float = 1.0,
    stride: int | None = None,
    block_length: int | None = None,
    training_text: str | None = None,
    hold_out: str | Path | Sequence[str | Path] = (),
    data_dir: str | None = None,
    command: Sequence[str] | None = None,
) -> PerplexityComparison:
    """Score every model on every text, and say which of the scores can be compared.

        comparison = hf_lmcourse.perplexity(["runs/lstm", "gpt2"], "chapter.txt")
        comparison.save("perplexity")

    Args:
        models: Run folders, saved models or ids on the Hub; one model is in memory at a time.
        texts: Text files, each of which is scored as a whole.
        preprocess: Chains of preprocessing steps, among them FILE.py:FUNCTION for one's own; every
            text is also scored after each of them.
        base: Base of the logarithm: "2", "e" or "10".
        temperature: The logits are divided by it; only 1 gives perplexities of the models.
        stride: Number of tokens that a window scores, the others being context; half of the window
            by default.
        block_length: Number of tokens in a window; by default the model's longest context.
        training_text: A corpus or text file that the models were trained on, to look the texts up
            in; by default what each run folder records.
        hold_out: Text files that were taken out of `training_text`.
        data_dir: Folder of local corpora; `LMCOURSE_DATA` by default.
        command: The words of the command line, for the provenance; by default those of the
            `lmcourse perplexity` that computes the same.

    Raises:
        LmcourseError: A model or text cannot be read, or a setting is out of range or does not fit.
    """
    if base not in BASES:
        raise LmcourseError(f"base {base!r} is not one of {', '.join(BASES)}")
    if not 0 < temperature < math.inf:
        raise LmcourseError(f"temperature must be above 0 and finite, not {temperature}")
    if hold_out and training_text is None:
        raise LmcourseError("hold_out says what was taken out of training_text: give that too")
    paths, files, chains, held_out = map(_as_list, (models, texts, preprocess, hold_out))
    scoring: dict[str, Any] = {
        "stride": stride,
        "block_length": block_length,
        "temperature": temperature,
    }
    if command is None:
        options = {
            "preprocess": chains,
            "base": base,
            **scoring,
            "training_text": training_text,
            "hold_out": held_out,
            "data_dir": data_dir,
        }
        command = ["lmcourse", "perplexity", *paths, "--text", *files, *option_words(options)]
    declared = [preprocessing(name) for name in dict.fromkeys(chains)]
    read = read_texts(files, declared, data_dir)
    given = None
    if training_text is not None:
        given = given_training_text(training_text, held_out, data_dir)
    began = time.perf_counter()
    scores = _score_all(paths, read, given, data_dir, scoring)
    about = provenance(command) | {"seconds": round(time.perf_counter() - began, 1)}
    return PerplexityComparison(scores, base, _notes(scores, declared, scoring), about)


def _as_list(names: str | Path | Sequence[str | Path]) -> list[str]:
    return [str(names)] if isinstance(names, str | Path) else list(map(str, names))


def _score_all(
    paths: list[str],
    texts: list[Text],
    given: TrainingText | None,
    data_dir: str | None,
    scoring: dict[str, Any],
) -> list[TextScore]:
    """Score every text with every model, and put the rows of one text next to each other."""
    scores = []
    with tqdm(total=len(paths) * len(texts), disable=None, leave=False) as bar:
        for path, name in zip(paths, _names(paths), strict=True):
            bar.set_description(name)
            model, tokenizer = load_language_model(path)
            if not tokenizer.is_fast:
                raise LmcourseError(f"{path} has no fast tokenizer (a tokenizer.json)")
            if not isinstance(model, LanguageModelForCausalLM):
                check_causal(model, path)
            seen = given or recorded_training_text(path, data_dir)
            for text in texts:
                scores.append(
                    score_text(model, tokenizer, text, name, training_text=seen, **scoring)
                )
                bar.update()
    order = [text.name for text in texts]
    return sorted(scores, key=lambda score: order.index(score.text.name))


def _names(paths: Sequence[str]) -> list[str]:
    """Shorten each path to its last part, except where two paths end in the same one."""
    last = [Path(path).resolve().name if Path(path).is_dir() else path for path in paths]
    names = [n if last.count(n) == 1 else path for n, path in zip(last, paths, strict=True)]
    twice = next((path for path in names if names.count(path) > 1), None)
    if twice is not None:
        raise LmcourseError(f"{twice} is given twice")
    return names


def _notes(
    scores: list[TextScore], chains: Sequence[Preprocessing], scoring: dict[str, Any]
) -> list[str]:
    """Explain the table, one paragraph per remark."""
    notes = [RULE]
    if scoring["temperature"] != 1:
        notes.append(
            f"WARNING: the logits are divided by a temperature of {scoring['temperature']:g}. "
            "These are not the perplexities of the models; only those at temperature 1 are."
        )
    notes.append(_first_token_note(scores))
    if any_spelled(scores):
        notes.append(_SPELLED)
    notes += [f"{chain.name}: {chain.meaning}." for chain in chains]
    windows = any(score.context.kind == "window" for score in scores)
    if not windows and (scoring["stride"] or scoring["block_length"]):
        notes.append("stride and block_length change nothing: no model here reads windows.")
    return [*notes, *_verbatim_notes(scores), *_unknown_notes(scores)]


def _first_token_note(scores: list[TextScore]) -> str:
    starts: dict[str, list[str]] = {}
    for score in {score.model: score for score in scores}.values():
        token = "nothing: it is not predicted" if score.start is None else repr(score.start)
        starts.setdefault(token, []).append(score.model)
    listed = "; ".join(f"from {token} ({', '.join(models)})" for token, models in starts.items())
    return f"The first token of a text is predicted {listed}."


def _unknown_notes(scores: list[TextScore]) -> list[str]:
    """Say which models nobody could look up the texts for."""
    unknown = list(dict.fromkeys(score.model for score in scores if score.overlap is None))
    if not unknown:
        return []
    return [
        f"The training text of {', '.join(unknown)} is not here, so that a text may be a part of "
        "it unnoticed; name it with --training_text."
    ]


def _verbatim_notes(scores: list[TextScore]) -> list[str]:
    sources: dict[str, dict[str, str]] = {}
    for score in scores:
        if score.overlap is not None and score.overlap.verbatim:
            sources.setdefault(score.text.name, {})[score.model] = score.overlap.source
    return [
        f"{text} appears verbatim in the training text of "
        + ", ".join(f"{model} ({source})" for model, source in models.items())
        + "."
        for text, models in sources.items()
    ]
