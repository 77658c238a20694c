"""Scores of several tiny models on several texts."""

from typing import Any

from hf_lmcourse.text_perplexity.score import TextScore, score_text
from hf_lmcourse.text_perplexity.texts import Text
from hf_lmcourse.text_perplexity.training_text import TrainingText

from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, tiny, tiny_gpt2

FOREIGN = "In 1642 Tō is to be\n"


MODELS: dict[str, tuple[Any, Any, TrainingText | None]] = {
    "characters": (tiny("lstm"), CHARACTERS, TrainingText("play", TEXT)),
    "unseen": (tiny("bigram_mlp"), CHARACTERS, TrainingText("other", "what is that")),
    "words": (tiny("lstm", WORDS), WORDS, None),
    "bytes": (tiny_gpt2(), BYTES, None),
}


TEXTS = [
    Text("play", TEXT),
    Text("play", TEXT.lower(), "lowercase", 0.05),
    Text("wiki", FOREIGN),
    Text("wiki", FOREIGN, "blanks", 0.0),
]


SCORES = [
    score_text(model, tokenizer, text, name, training_text=training_text)
    for text in TEXTS
    for name, (model, tokenizer, training_text) in MODELS.items()
]


def of(model: str, text: str, chain: str = "raw") -> TextScore:
    wanted = (model, text, chain)
    return next(s for s in SCORES if (s.model, s.text.name, s.text.preprocessing) == wanted)
