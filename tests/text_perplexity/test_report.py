"""Tables, picture and sentences about scores of passages say what the scores say."""

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.text_perplexity.explanation import explanation
from hf_lmcourse.text_perplexity.passages import Passage
from hf_lmcourse.text_perplexity.plots import plot_perplexities
from hf_lmcourse.text_perplexity.score import PassageScore, score_passage
from hf_lmcourse.text_perplexity.table import (
    BASES,
    as_json,
    csv_table,
    entropy,
    json_record,
    markdown_rows,
    text_table,
)
from hf_lmcourse.text_perplexity.token_classes import class_costs
from hf_lmcourse.text_perplexity.training_text import TrainingText

from .passage_models import BYTES, CHARACTERS, TEXT, WORDS, tiny, tiny_gpt2

FOREIGN = "In 1642 Tō is to be\n"
MODELS: dict[str, tuple[Any, Any, TrainingText | None]] = {
    "characters": (tiny("lstm"), CHARACTERS, TrainingText("play", TEXT)),
    "unseen": (tiny("bigram_mlp"), CHARACTERS, TrainingText("other", "what is that")),
    "words": (tiny("lstm", WORDS), WORDS, None),
    "bytes": (tiny_gpt2(), BYTES, None),
}
PASSAGES = [
    Passage("play", TEXT),
    Passage("play", TEXT.lower(), "lowercase", 0.05),
    Passage("wiki", FOREIGN),
    Passage("wiki", FOREIGN, "blanks", 0.0),
]
SCORES = [
    score_passage(model, tokenizer, passage, name, training_text=training_text)
    for passage in PASSAGES
    for name, (model, tokenizer, training_text) in MODELS.items()
]


def of(model: str, passage: str, chain: str = "raw") -> PassageScore:
    wanted = (model, passage, chain)
    return next(s for s in SCORES if (s.model, s.passage.name, s.passage.preprocessing) == wanted)


@pytest.mark.parametrize("base", BASES)
def test_the_perplexity_is_the_same_in_every_base(base: str) -> None:
    for score in SCORES:
        cross_entropy, perplexity = entropy(score, base)
        assert perplexity == pytest.approx(score.metrics["perplexity"])
        assert cross_entropy * math.log(BASES[base][0]) == pytest.approx(
            score.metrics["nats_per_token"]
        )
    assert f" {BASES[base][1]}/token " in text_table(SCORES, base)


def test_every_row_of_the_terminal_shows_its_figures() -> None:
    header, *rows = text_table(SCORES).splitlines()
    assert len(rows) == len(SCORES)
    assert header.split()[:4] == ["model", "passage", "text", "changed"]
    for row, score in zip(rows, SCORES, strict=True):
        cells = row.split()
        assert cells[:3] == [score.model, score.passage.name, score.passage.preprocessing]
        assert cells[3] == f"{score.passage.changed:.1%}"
        assert cells[4:7] == [
            f"{score.metrics['tokens']:,}",
            f"{score.metrics['perplexity']:,.2f}",
            f"{score.metrics['nats_per_token']:.4f}",
        ]
        assert f"{score.metrics['unknown_share']:.1%}" in cells
        figure = f"{score.metrics['bits_per_character']:.3f}"
        assert cells[7] == figure + "*" * (not score.encoded.lossless)
    cells = rows[0].split()
    assert cells[-3:] == ["verbatim", "A", "A"]
    assert "?" in rows[SCORES.index(of("bytes", "play"))].split()


def test_columns_that_have_nothing_to_say_are_left_out() -> None:
    header = text_table([of("bytes", "wiki"), of("words", "wiki")]).splitlines()[0]
    assert "changed" not in header and "in training" not in header


def test_markdown_has_the_same_cells_as_the_terminal() -> None:
    terminal = [re.split(r"\s{2,}", row.strip()) for row in text_table(SCORES).splitlines()]
    lines = markdown_rows(SCORES).splitlines()
    markdown = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert markdown[0] == terminal[0] and markdown[2:] == terminal[1:]


def test_csv_and_json_hold_every_figure_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table(SCORES, "10"))))
    record = json.loads(as_json(json_record(SCORES, "10")))
    assert len(rows) == len(record["rows"]) == len(SCORES)
    for row, kept, score in zip(rows, record["rows"], SCORES, strict=True):
        assert list(row) == list(kept)
        for name, value in score.metrics.items():
            assert float(row[name]) == kept[name] == pytest.approx(value)
        assert kept["dits_per_token"] == pytest.approx(math.log10(score.metrics["perplexity"]))
        assert kept["nats"] == pytest.approx(score.metrics["nats_per_token"] * len(score.nats))
    assert record["rows"][0]["verbatim_in_training_text"] is True
    assert record["rows"][2]["training_text"] is None
    pair = next(pair for pair in record["comparisons"] if pair["rows"] == [0, 1])
    assert pair["bits_per_character"] and pair["perplexity"]


def test_a_perplexity_without_bounds_stays_strict_json() -> None:
    score = of("bytes", "wiki")
    huge = {**score.metrics, "nats_per_token": 1e4, "perplexity": math.inf}
    row = json.loads(as_json(json_record([_with(score, metrics=huge)])))["rows"][0]
    assert row["perplexity"] is None
    assert "inf" in text_table([_with(score, metrics=huge)])


def _with(score: PassageScore, **changes: Any) -> PassageScore:
    return PassageScore(**{**vars(score), **changes})


def test_the_picture_has_a_panel_a_text_and_hatches_what_does_not_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
    )
    plot_perplexities(SCORES, tmp_path / "new" / "bars.png")
    assert (tmp_path / "new" / "bars.png").read_bytes().startswith(b"\x89PNG")
    panels = figures[0].axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == [
        "play",
        "play, lowercase (5.0% changed)",
        "wiki",
        "wiki, blanks (0.0% changed)",
    ]
    for axes, (name, chain) in zip(
        panels, [(p.name, p.preprocessing) for p in PASSAGES], strict=True
    ):
        for label, bar in zip(axes.get_yticklabels(), axes.patches, strict=True):
            score = of(label.get_text(), name, chain)
            assert bar.get_width() == pytest.approx(score.metrics["bits_per_character"])
            assert bool(bar.get_hatch()) == (not score.encoded.lossless)


def sentences(heading: str) -> str:
    return "\n".join(explanation(SCORES)[heading])


def bits(model: str, passage: str, chain: str = "raw") -> str:
    return f"{of(model, passage, chain).metrics['bits_per_character']:.3f}"


def test_the_explanation_names_the_best_of_what_compares() -> None:
    rows = [of(model, "play") for model in MODELS]
    best = min(rows, key=lambda score: score.metrics["bits_per_character"])
    figure = f"{best.metrics['bits_per_character']:.3f}"
    assert "On play, 4 models compare" in sentences("What compares")
    assert f"the lowest is {figure} of {best.model}, the highest" in sentences("What compares")
    assert "On wiki, 2 models have the same tokens" in sentences("What compares")


def test_the_explanation_takes_the_gap_between_passages_apart() -> None:
    told = sentences("From passage to passage")
    low, high = sorted(
        (of("bytes", "play"), of("bytes", "wiki")), key=lambda s: s.metrics["bits_per_character"]
    )
    gap = high.metrics["bits_per_character"] - low.metrics["bits_per_character"]
    assert f"{high.passage.name}, {gap:.3f} more." in told
    shares = {"play": "100.0%", "wiki": "66.7%"}  # of six words, 1642 and Tō are not in the play
    (first, second) = sorted(
        shares, key=lambda p: of("characters", p).metrics["bits_per_character"]
    )
    assert (
        f"Of the running words of {first}, {shares[first]} occur in its training text, of those of "
        f"{second} {shares[second]}."
    ) in told
    for a, b in ((of(m, "play"), of(m, "wiki")) for m in MODELS):
        parts = [{n: c.bits_per_character for n, c in class_costs(s).items()} for s in (a, b)]
        gap = b.metrics["bits_per_character"] - a.metrics["bits_per_character"]
        assert sum(parts[1].values()) - sum(parts[0].values()) == pytest.approx(gap)


def test_the_explanation_weighs_unknown_words() -> None:
    score = of("characters", "wiki")
    unknown, nats = score.encoded.unknown, score.nats
    told = sentences("Unknown words")
    assert f"{unknown.mean():.1%} of the tokens of wiki are unknown to characters" in told
    assert f"({nats[unknown].mean() / math.log(2):.2f} bits on average)" in told
    assert f"over these alone the perplexity is {math.exp(nats[~unknown].mean()):,.2f}" in told
    cheaper = nats[unknown].mean() < nats[~unknown].mean()
    assert (
        f"makes it {'lower' if cheaper else 'higher'}, {score.metrics['perplexity']:,.2f}" in told
    )


def test_the_explanation_orders_models_by_context() -> None:
    told = sentences("Context")
    (order,) = re.findall(r"Bits per character on play from .*: (.*);", told)
    rows = [of(model, "play") for model in MODELS]
    characters = {r.model: r.context.mean * len(r.passage.text) / len(r.encoded.ids) for r in rows}
    assert re.findall(r"(\w+) [\d.]+ \(", order) == sorted(characters, key=characters.__getitem__)
    assert "unseen looks back at the last one: on play at 1.0 tokens on average" in told


def test_the_explanation_tells_what_was_seen_and_what_it_brought() -> None:
    told = sentences("Seen in training")
    assert f"its {bits('characters', 'play')} bits per character are not those" in told
    assert f"unseen, which has not seen it, pays {bits('unseen', 'play')}: " in told
    assert "wiki" not in told


def test_the_explanation_tells_what_preprocessing_changed() -> None:
    told = sentences("Preprocessing")
    assert "On play, lowercase changes 5.0% of the characters: for characters" in told
    assert f"from {bits('words', 'play')} to {bits('words', 'play', 'lowercase')}" in told
    assert "blanks" not in told


def test_a_single_row_is_explained_without_comparing_it() -> None:
    found = explanation([of("bytes", "wiki")])
    assert list(found) == ["Tokens and vocabulary", "Context"]
