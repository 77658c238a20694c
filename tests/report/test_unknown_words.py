"""The asterisk of what leaves out the spelling of unknown words."""

import pytest

from hf_lmcourse.report.unknown_words import asterisk, has_asterisk


def metrics(unknown: float) -> dict[str, float]:
    return {
        "bits_per_character": 1.5,
        "bits_per_byte": 1.5,
        "word_perplexity": 9.0,
        "bits_per_character_spelled": 2.0,
        "perplexity": 9.0,
        "unknown_share": unknown,
    }


def test_what_is_per_character_byte_or_word_has_it_if_words_are_unknown() -> None:
    marked = {name for name in metrics(0.25) if asterisk(metrics(0.25), name)}
    assert marked == {"bits_per_character", "bits_per_byte", "word_perplexity"}
    assert has_asterisk(metrics(0.25))


@pytest.mark.parametrize("values", [metrics(0.0), {"bits_per_character": 1.5}, {"accuracy": 0.5}])
def test_nothing_has_it_otherwise(values: dict[str, float]) -> None:
    assert not has_asterisk(values) and not any(asterisk(values, name) for name in values)
