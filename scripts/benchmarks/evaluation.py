"""The negative log-likelihood of a text: ours in chunks, and the Trainer's from all logits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import EvalPrediction, PrinterCallback, Trainer, TrainingArguments

from hf_lmcourse.data.predicted_tokens import PredictedTokens
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.data.windows import TokenWindows
from hf_lmcourse.evaluation.corpus_scores import score_streams
from hf_lmcourse.models import (
    LSTMConfig,
    LSTMForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.models.causal_lm import LanguageModelForCausalLM

from .memory import Way, compare_ways
from .timing import Comparison
from .tokens import word_tokens

__all__ = ["EvaluationSetting", "evaluation", "our_evaluation", "trainer_evaluation"]

Tokens = NDArray[np.integer]
Family = Literal["LSTM", "Transformer"]


@dataclass(frozen=True)
class EvaluationSetting:
    """Sizes of the models, the vocabulary, and the lengths of the texts in tokens."""

    vocabulary: int = 10_000
    width: int = 200
    layers: int = 2
    rows: int = 20
    length: int = 64
    texts: tuple[int, ...] = (1_250, 2_500, 5_000)

    def __str__(self) -> str:
        return f"{self.layers} x {self.width}, {self.vocabulary:,} words"


def our_evaluation(
    setting: EvaluationSetting, family: Family, tokens: Tokens
) -> Callable[[], float]:
    """Score a text as `lmcourse evaluate` does: losses are summed over chunks of tokens.

    An LSTM carries its state from block to block; a Transformer reads windows.

    Returns:
        A function that scores the text and returns its negative log-likelihood in nats.
    """
    model = _model(setting, family)
    batches: DataLoader = DataLoader(
        _data(setting, family, tokens, setting.length), batch_size=setting.rows
    )
    return lambda: score_streams(model, batches).nats


def trainer_evaluation(
    setting: EvaluationSetting, family: Family, tokens: Tokens
) -> Callable[[], float]:
    """Score a text with the Trainer of transformers: all logits are gathered for `compute_metrics`.

    It cannot carry a state, so the LSTM gets each stream as one long block.

    Returns:
        A function that scores the text and returns its negative log-likelihood in nats.
    """
    folder = TemporaryDirectory()
    arguments = TrainingArguments(
        output_dir=folder.name,
        per_device_eval_batch_size=setting.rows,
        remove_unused_columns=False,
        disable_tqdm=True,
        use_cpu=True,
    )
    model: Any = _model(setting, family)
    trainer = Trainer(model=model, args=arguments, compute_metrics=_nats_of_logits)
    trainer.remove_callback(PrinterCallback)
    data = _data(setting, family, tokens, -(-len(tokens) // setting.rows))

    def step() -> float:
        assert folder.name  # keeps the folder as long as the Trainer
        return trainer.evaluate(data)["eval_nats"]

    return step


def evaluation(
    repeats: int = 9, setting: EvaluationSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Time the scoring of texts of several lengths, and measure the peak memory."""
    setting = setting or EvaluationSetting()
    tokens, source = word_tokens("ptb", setting.vocabulary, max(setting.texts) + 1)
    families: tuple[Family, ...] = ("LSTM", "Transformer")
    for family in families:
        for length in setting.texts:
            text = tokens[: length + 1]
            ways: dict[str, Way] = {
                "ours": partial(our_evaluation, setting, family, text),
                "Trainer, all logits": partial(trainer_evaluation, setting, family, text),
            }
            yield compare_ways(
                f"{family}, scoring a text",
                f"{setting}, {length:,} tokens, {source}",
                ways,
                repeats,
                memory,
                steps=1,
                amount=length,
                unit="tokens",
                variable="tokens",
                size=length,
                aims={"Trainer, all logits": 3.0},
            )


def _model(setting: EvaluationSetting, family: Family) -> LanguageModelForCausalLM:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "vocab_size": setting.vocabulary,
        "hidden_size": setting.width,
        "num_hidden_layers": setting.layers,
    }
    if family == "LSTM":
        return LSTMForCausalLM(LSTMConfig(**sizes)).eval()
    config = TransformerConfig(**sizes, max_position_embeddings=setting.length)
    return TransformerForCausalLM(config).eval()


def _data(
    setting: EvaluationSetting, family: Family, tokens: Tokens, block: int
) -> PredictedTokens:
    if family == "LSTM":
        return ContiguousStreams(tokens, setting.rows, block)
    return TokenWindows(tokens, setting.length)


def _nats_of_logits(prediction: EvalPrediction) -> dict[str, float]:
    logits, labels = (torch.from_numpy(x) for x in (prediction.predictions, prediction.label_ids))
    total = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return {"nats": total.item()}
