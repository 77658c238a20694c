"""The explanation follows from the scores."""

import math
import re

import pytest

from hf_lmcourse.text_perplexity.explanation import explanation
from hf_lmcourse.text_perplexity.token_classes import class_costs

from .scored_rows import MODELS, SCORES, of


def sentences(heading: str) -> str:
    return "\n".join(explanation(SCORES)[heading])


def bits(model: str, text: str, chain: str = "raw") -> str:
    return f"{of(model, text, chain).metrics['bits_per_character']:.3f}"


def test_the_explanation_names_the_best_of_what_compares() -> None:
    rows = [of(model, "play") for model in MODELS]
    best = min(rows, key=lambda score: score.metrics["bits_per_character"])
    figure = f"{best.metrics['bits_per_character']:.3f}"
    assert "On play, 4 models compare" in sentences("Comparable scores")
    assert f"the lowest is {figure} of {best.model}, the highest" in sentences("Comparable scores")
    assert "On wiki, 2 models have the same tokens" in sentences("Comparable scores")


def test_the_explanation_takes_the_gap_between_texts_apart() -> None:
    found = sentences("From text to text")
    low, high = sorted(
        (of("bytes", "play"), of("bytes", "wiki")), key=lambda s: s.metrics["bits_per_character"]
    )
    gap = high.metrics["bits_per_character"] - low.metrics["bits_per_character"]
    assert f"{high.text.name}, {gap:.3f} more." in found
    shares = {"play": "100.0%", "wiki": "66.7%"}  # of six words, 1642 and Tō are not in the play
    (first, second) = sorted(
        shares, key=lambda p: of("characters", p).metrics["bits_per_character"]
    )
    assert (
        f"Of the running words of {first}, {shares[first]} occur in its training text, of those of "
        f"{second} {shares[second]}."
    ) in found
    for a, b in ((of(m, "play"), of(m, "wiki")) for m in MODELS):
        parts = [{n: c.bits_per_character for n, c in class_costs(s).items()} for s in (a, b)]
        gap = b.metrics["bits_per_character"] - a.metrics["bits_per_character"]
        assert sum(parts[1].values()) - sum(parts[0].values()) == pytest.approx(gap)


def test_the_explanation_weighs_unknown_words() -> None:
    score = of("characters", "wiki")
    unknown, nats = score.encoded.unknown, score.nats
    found = sentences("Unknown words")
    assert f"{unknown.mean():.1%} of the tokens of wiki are unknown to characters" in found
    assert f"({nats[unknown].mean() / math.log(2):.2f} bits on average)" in found
    assert f"over these alone the perplexity is {math.exp(nats[~unknown].mean()):,.2f}" in found
    cheaper = nats[unknown].mean() < nats[~unknown].mean()
    assert (
        f"makes it {'lower' if cheaper else 'higher'}, {score.metrics['perplexity']:,.2f}" in found
    )


def test_the_explanation_orders_models_by_context() -> None:
    found = sentences("Context")
    (order,) = re.findall(r"Bits per character on play from .*: (.*);", found)
    rows = [of(model, "play") for model in MODELS]
    characters = {r.model: r.context.mean * len(r.text.content) / len(r.encoded.ids) for r in rows}
    assert re.findall(r"(\w+) [\d.]+ \(", order) == sorted(characters, key=characters.__getitem__)
    assert "The context of unseen is the last token: on play 1.0 tokens on average" in found


def test_the_explanation_says_what_was_seen_and_what_it_brought() -> None:
    found = sentences("Seen in training")
    assert f"its {bits('characters', 'play')} bits per character are not those" in found
    assert f"unseen, which has not seen it, needs {bits('unseen', 'play')}: " in found
    assert "wiki" not in found


def test_the_explanation_says_what_preprocessing_changed() -> None:
    found = sentences("Preprocessing")
    assert "On play, lowercase changes 5.0% of the characters: for characters" in found
    assert f"from {bits('words', 'play')} to {bits('words', 'play', 'lowercase')}" in found
    assert "blanks" not in found


def test_a_single_row_is_explained_without_comparing_it() -> None:
    found = explanation([of("bytes", "wiki")])
    assert list(found) == ["Tokens and vocabulary", "Context"]
