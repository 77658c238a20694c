"""Any causal language model on any passage: what each of its tokens cost, and the figures."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.encoding import plain_backend
from ..data.streams import line_end_token_id, text_marks
from ..errors import LmcourseError
from ..evaluation.corpus_scores import StreamTotals, corpus_metrics
from ..evaluation.logit_scorer import LogitScorer
from ..evaluation.spelling import with_unknown_spelled
from ..evaluation.token_scores import TokenScorer, score_batches
from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM
from .contexts import Context, context_of, passage_data
from .passages import Passage
from .training_text import Overlap, TrainingText

__all__ = [
    "EncodedPassage",
    "PassageScore",
    "encode_passage",
    "score_passage",
    "start_token_id",
]


@dataclass(frozen=True)
class EncodedPassage:
    """A passage as the tokens of one tokenizer.

    Attributes:
        ids: the token ids.
        spans: where each token stands in the text; from the first to behind the last character.
        pieces: what the vocabulary calls the tokens.
        unknown: which of them are the unknown token.
        lossless: no token is unknown, and the tokens give back the text, character for character.

    Shape:
        ids, unknown: (tokens,).
    """

    ids: NDArray[np.int64]
    spans: list[tuple[int, int]]
    pieces: list[str]
    unknown: NDArray[np.bool_]
    lossless: bool


@dataclass(frozen=True)
class PassageScore:
    """What a model paid for a passage.

    Attributes:
        model: its name among those that are compared.
        model_type: as in its config.
        parameters: how many it has, shared ones counted once.
        vocabulary: how many tokens share its probability.
        vocabulary_key: a hash of the vocabulary.
        passage: the text.
        encoded: the text as the model's tokens.
        start: what the first token is predicted from; `None` where it is not predicted.
        context: what a prediction looks at.
        temperature: that the logits were divided by.
        nats: the negative log-likelihood of each token that was predicted; 0 where a mark stands
            that begins a sentence and is never predicted.
        predicted: which of these were predicted.
        hits: how many of them were the likeliest.
        overlap: what of the passage stands in the training text, where that is known.
        metrics: the figures; those of `corpus_metrics`, `unknown_share` among the predicted tokens,
            and where unknown ones can be spelled `bits_per_character_spelled`.

    Shape:
        nats, predicted: (tokens,), or one less where the first is not predicted.
    """

    model: str
    model_type: str
    parameters: int
    vocabulary: int
    vocabulary_key: str
    passage: Passage
    encoded: EncodedPassage
    start: str | None
    context: Context
    temperature: float
    nats: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    hits: int
    overlap: Overlap | None
    metrics: dict[str, float]

    @property
    def first_scored(self) -> int:
        """Number of the first token that was predicted."""
        return len(self.encoded.ids) - len(self.nats)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Which of the predicted tokens are the unknown one. Shape: (predicted tokens,)."""
        return self.encoded.unknown[self.first_scored :][self.predicted]


def encode_passage(text: str, tokenizer: PreTrainedTokenizerBase) -> EncodedPassage:
    """A passage as tokens, without special tokens, padding or truncation."""
    encoding = plain_backend(tokenizer).encode(text, add_special_tokens=False)
    ids = np.asarray(encoding.ids, np.int64)
    unknown = np.zeros(len(ids), bool)
    if tokenizer.unk_token_id is not None:
        unknown = ids == tokenizer.unk_token_id
    decoded = tokenizer.decode(encoding.ids, clean_up_tokenization_spaces=False)
    lossless = not unknown.any() and decoded == text
    return EncodedPassage(ids, list(encoding.offsets), list(encoding.tokens), unknown, lossless)


def start_token_id(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that the first one of a passage is predicted from.

    A model of the package begins where it began in its training, after a line end. Any other one
    begins with its begin-of-text token, else with its end-of-text token, else with a line break.

    Returns:
        `None` where the tokenizer has none of them: then the first token is context only.
    """
    if not isinstance(model, LanguageModelForCausalLM):
        if tokenizer.bos_token_id is not None:
            return tokenizer.bos_token_id
        if tokenizer.eos_token_id is None:
            line_break = tokenizer("\n", add_special_tokens=False)["input_ids"]
            known = len(line_break) == 1 and line_break[0] != tokenizer.unk_token_id
            return line_break[0] if known else None
    return line_end_token_id(tokenizer)


def score_passage(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    passage: Passage,
    name: str,
    *,
    block_length: int | None = None,
    stride: int | None = None,
    temperature: float = 1.0,
    training_text: TrainingText | None = None,
) -> PassageScore:
    """Score every token of a passage once, given all the text before it that the model looks at.

    Args:
        model: any causal language model, in evaluation mode.
        tokenizer: its tokenizer.
        passage: the text.
        name: what to call the model.
        block_length: tokens of a window; the model's longest context by default.
        stride: tokens that a window scores; half of it by default.
        temperature: what the logits are divided by; the model's probabilities have 1.
        training_text: what the model was trained on, to look the passage up in.

    Raises:
        LmcourseError: no token to predict, sizes that do not fit, or losses that are no numbers.
    """
    encoded = encode_passage(passage.text, tokenizer)
    start = start_token_id(model, tokenizer)
    if len(encoded.ids) < 1 + (start is None):
        raise LmcourseError(f"{passage.name} has no token that {name} could predict")
    context = context_of(model, len(encoded.ids) - (start is None), block_length, stride)
    scorer: TokenScorer = LogitScorer(model, temperature)
    if isinstance(model, LanguageModelForCausalLM) and temperature == 1:
        scorer = model
    mark = None
    if isinstance(model, LanguageModelForCausalLM):
        mark = text_marks(tokenizer)["context_only"]
    losses, hits = _score(scorer, passage_data(model, encoded.ids, start, context, mark))
    if not np.isfinite(losses).all():
        raise LmcourseError(f"{name} gives {passage.name} probabilities that are 0 or no numbers")
    predicted = encoded.ids[int(start is None) :] != (IGNORED if mark is None else mark)
    nats = np.zeros(len(predicted))
    nats[predicted] = losses
    text = passage.text[encoded.spans[0][1] if start is None else 0 :]
    unknown = encoded.unknown[int(start is None) :][predicted]
    metrics = _metrics(losses, hits, text) | {"unknown_share": float(unknown.mean())}
    bits = metrics["bits_per_character"]
    return PassageScore(
        model=name,
        **_about(model, tokenizer),
        passage=passage,
        encoded=encoded,
        start=None if start is None else str(tokenizer.convert_ids_to_tokens(start)),
        context=context,
        temperature=temperature,
        nats=nats,
        predicted=predicted,
        hits=hits,
        overlap=None if training_text is None else training_text.overlap(passage.text),
        metrics=metrics | with_unknown_spelled(bits, text, tokenizer, int(unknown.sum())),
    )


def _about(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    entries = repr(sorted(tokenizer.get_vocab()))
    return {
        "model_type": model.config.model_type,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": model.config.vocab_size,
        "vocabulary_key": hashlib.sha256(entries.encode()).hexdigest()[:16],
    }


def _score(scorer: TokenScorer, batches: DataLoader) -> tuple[NDArray[np.float64], int]:
    """The loss of each predicted token in the order of the text, and the number of hits."""
    parts, hits = [], 0
    for losses, right, targets in score_batches(scorer, batches):
        scored = targets != IGNORED
        parts.append(losses[scored].cpu().numpy())
        hits += int(right[scored].sum())
    return np.concatenate(parts), hits


def _metrics(nats: NDArray[np.float64], hits: int, text: str) -> dict[str, float]:
    return corpus_metrics(
        [StreamTotals(math.fsum(nats), hits, len(nats))],
        characters=len(text),
        num_bytes=len(text.encode()),
        words=len(text.split()) + text.count("\n"),
    )
