"""Score any causal language model on any text, token by token."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.encoding import TextCounts
from ..data.streams import context_tokens, line_end_token_id
from ..errors import LmcourseError
from ..evaluation.corpus_scores import StreamTotals, corpus_metrics
from ..evaluation.spelling import with_unknown_spelled
from ..evaluation.token_scores import score_batches, scorer_of
from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM
from .contexts import Context, context_of, text_batches
from .encoded_text import CLASSES, EncodedText, encode_text
from .texts import Text
from .training_text import HashedTrainingText, Overlap, TrainingText

KEPT_TOKENS = 1 << 22
"""Most tokens of a text whose costs are kept one by one, to draw them."""

_BLOCK = 1 << 16
"""Tokens whose costs are summed in one go."""


@dataclass(frozen=True)
class ClassSum:
    """The predicted tokens of one class.

    Attributes:
        tokens: How many there are.
        nats: Their negative log-likelihood.
    """

    tokens: int
    nats: float


@dataclass(frozen=True)
class TextScore:
    """Score of a model on a text.

    Attributes:
        model: Name of the model in the comparison.
        model_type: As in its config.
        parameters: Number of parameters; shared ones count once.
        vocabulary: Size of the vocabulary.
        vocabulary_key: Hash of the vocabulary.
        text: The text.
        encoded: Its tokens.
        start: The token that the first one is predicted from; `None` if it is not predicted.
        context: Context of the predictions.
        temperature: Temperature of the logits.
        sums: Sums of each class of tokens that occurs, by name.
        hits: How many of them were the most likely token.
        overlap: Overlap with the training text, if that is known.
        metrics: Those of `corpus_metrics`, `unknown_share` among the predicted tokens, and, if the
            unknown words can be spelled, `bits_per_character_spelled`.
        context_only: A token that is read and never predicted.
        costs: `nats`, if there are not too many tokens to keep them.

    Shape:
        costs: (tokens,), or (tokens - 1,) if the first is not predicted.
    """

    model: str
    model_type: str
    parameters: int
    vocabulary: int
    vocabulary_key: str
    text: Text
    encoded: EncodedText
    start: str | None
    context: Context
    temperature: float
    sums: dict[str, ClassSum]
    hits: int
    overlap: Overlap | None
    metrics: dict[str, float]
    context_only: int | None = None
    costs: NDArray[np.float64] | None = None

    @property
    def first_scored(self) -> int:
        """Index of the first token that was predicted."""
        return int(self.start is None)

    @property
    def nats(self) -> NDArray[np.float64]:
        """Negative log-likelihood of each token; 0 for a token that is only context.

        Raises:
            LmcourseError: There are too many tokens: see `KEPT_TOKENS`.

        Shape:
            (tokens,), or (tokens - 1,) if the first is not predicted.
        """
        if self.costs is None:
            raise LmcourseError(
                f"{self.text.name} has {len(self.encoded.ids):,} tokens, and the cost of each is "
                f"kept up to {KEPT_TOKENS:,}: score a part of it"
            )
        return self.costs

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Which of the tokens of `nats` were predicted."""
        never = IGNORED if self.context_only is None else self.context_only
        return self.encoded.ids[self.first_scored :] != never

    @property
    def total_nats(self) -> float:
        """The sum of `nats`."""
        return math.fsum(part.nats for part in self.sums.values())

    @property
    def asterisk(self) -> str:
        """What follows values per character, byte or word: an asterisk if the tokens lose some."""
        return "" if self.encoded.lossless else "*"

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Which of the predicted tokens are the unknown token. Shape: (predicted tokens,)."""
        return self.encoded.unknown[self.first_scored :][self.predicted]


def start_token_id(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the id of the token that the first one of a text is predicted from.

    A model of the package starts after a line end, as in its training. Any other model starts with
    its BOS token, else with its EOS token, else with a line break.

    Returns:
        `None` if the tokenizer has none of them: then the first token is only context.
    """
    if not isinstance(model, LanguageModelForCausalLM):
        if tokenizer.bos_token_id is not None:
            return tokenizer.bos_token_id
        if tokenizer.eos_token_id is None:
            line_break = tokenizer("\n", add_special_tokens=False)["input_ids"]
            known = len(line_break) == 1 and line_break[0] != tokenizer.unk_token_id
            return line_break[0] if known else None
    return line_end_token_id(tokenizer)


def score_text(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    text: Text,
    name: str,
    *,
    block_length: int | None = None,
    stride: int | None = None,
    temperature: float = 1.0,
    training_text: TrainingText | HashedTrainingText | None = None,
) -> TextScore:
    """Score every token of a text once, given the text before it.

    Args:
        model: Any causal language model, in evaluation mode.
        tokenizer: Its tokenizer.
        text: The text.
        name: Name of the model.
        block_length: Tokens of a window; the model's longest context by default.
        stride: Tokens that a window scores; half of it by default.
        temperature: The logits are divided by it.
        training_text: Text that the model was trained on, to look up the text in.

    Raises:
        LmcourseError: No token to predict, sizes that do not fit, or losses that are not finite.
    """
    encoded = encode_text(text.pieces, tokenizer)
    start = start_token_id(model, tokenizer)
    if len(encoded.ids) < 1 + (start is None):
        raise LmcourseError(f"{text.name} has no token that {name} could predict")
    scorer = scorer_of(model)
    context = context_of(scorer, len(encoded.ids) - (start is None), block_length, stride)
    bos = None
    if isinstance(model, LanguageModelForCausalLM):
        bos = context_tokens(tokenizer)["context_only"]
    batches = text_batches(scorer, encoded.ids, start, context, bos)
    losses = _Losses(score_batches(scorer, batches, temperature))
    sums, costs = _summed(losses, encoded, int(start is None), bos)
    if not all(math.isfinite(part.nats) for part in sums.values()):
        raise LmcourseError(f"{name} gives {text.name} probabilities that are 0 or not finite")
    counts = TextCounts()
    for _ in counts.of_text(_scored_text(text, encoded, start)):
        pass
    metrics = _metrics(sums, losses.hits, counts)
    entries = repr(sorted(tokenizer.get_vocab()))
    return TextScore(
        model=name,
        model_type=model.config.model_type,
        parameters=sum(p.numel() for p in model.parameters()),
        vocabulary=model.config.vocab_size,
        vocabulary_key=hashlib.sha256(entries.encode()).hexdigest()[:16],
        text=text,
        encoded=encoded,
        start=None if start is None else str(tokenizer.convert_ids_to_tokens(start)),
        context=context,
        temperature=temperature,
        sums=sums,
        hits=losses.hits,
        overlap=None if training_text is None else training_text.overlap(text.pieces),
        metrics=metrics
        | with_unknown_spelled(
            metrics["bits_per_character"],
            _scored_text(text, encoded, start),
            counts.characters,
            tokenizer,
            _tokens(sums, CLASSES[0]),
        ),
        context_only=bos,
        costs=costs,
    )


class _Losses:
    """The losses of the predicted tokens of a text, in order, in parts of any length.

    Args:
        batches: From `score_batches`.

    Attributes:
        hits: How many tokens were the most likely one so far.
    """

    def __init__(self, batches: Iterator[tuple[Tensor, Tensor, Tensor]]) -> None:
        self.hits = 0
        self._parts = self._scored(batches)
        self._rest = np.zeros(0)

    def take(self, tokens: int) -> NDArray[np.float64]:
        """The losses of the next tokens."""
        parts, missing = [self._rest], tokens - len(self._rest)
        while missing > 0:
            parts.append(next(self._parts))
            missing -= len(parts[-1])
        losses = np.concatenate(parts)
        self._rest = losses[tokens:]
        return losses[:tokens]

    def _scored(
        self, batches: Iterator[tuple[Tensor, Tensor, Tensor]]
    ) -> Iterator[NDArray[np.float64]]:
        for losses, correct, targets in batches:
            scored = targets != IGNORED
            self.hits += int(correct[scored].sum())
            yield losses[scored].cpu().numpy()


def _summed(
    losses: _Losses, encoded: EncodedText, first: int, context_only: int | None
) -> tuple[dict[str, ClassSum], NDArray[np.float64] | None]:
    """Sum the losses of each class, and keep them one by one if there are not too many.

    Args:
        losses: Of the predicted tokens.
        encoded: All tokens.
        first: The first one that is predicted.
        context_only: A token that is never predicted.
    """
    tokens, never = len(encoded.ids), IGNORED if context_only is None else context_only
    sums = [[(0, 0.0)] for _ in CLASSES]
    costs = np.zeros(tokens - first) if tokens <= KEPT_TOKENS else None
    with tqdm(
        total=tokens, desc="tokens", unit_scale=True, delay=1, leave=False, disable=None
    ) as bar:
        for begin in range(first, tokens, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, tokens))
            predicted = encoded.ids[block] != never
            found, classes = losses.take(int(predicted.sum())), encoded.classes[block][predicted]
            for index in np.unique(classes).tolist():
                part = found[classes == index]
                sums[index].append((len(part), math.fsum(part)))
            if costs is not None:
                costs[begin - first : block.stop - first][predicted] = found
            encoded.release()
            bar.update(block.stop - begin)
    return {
        name: ClassSum(sum(n for n, _ in parts), math.fsum(nats for _, nats in parts))
        for name, parts in zip(CLASSES, sums, strict=True)
        if len(parts) > 1
    }, costs


def _tokens(sums: dict[str, ClassSum], name: str) -> int:
    return sums[name].tokens if name in sums else 0


def _scored_text(text: Text, encoded: EncodedText, start: int | None) -> Iterator[str]:
    """The text in pieces, without a first token that is not predicted."""
    left_out = encoded.first_end if start is None else 0
    for piece in text.pieces():
        if part := piece[left_out:]:
            yield part
        left_out = max(0, left_out - len(piece))


def _metrics(sums: dict[str, ClassSum], hits: int, text: TextCounts) -> dict[str, float]:
    tokens, nats = (sum(s.tokens for s in sums.values()), math.fsum(s.nats for s in sums.values()))
    return corpus_metrics(
        [StreamTotals(nats, hits, tokens)],
        characters=text.characters,
        num_bytes=text.bytes,
        words=text.words,
        unknown=_tokens(sums, CLASSES[0]),
    )
