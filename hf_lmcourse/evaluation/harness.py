"""Our language models in EleutherAI's lm-evaluation-harness; needs the extra `eval`.

The harness takes most models as they are. Ours differ in two things: a tokenizer of characters or
words has no token of its own for the beginning of a text, and a recurrent model knows the whole
text before a word, not a window of it.
"""

from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from ..data.streams import line_end_token_id, context_tokens
from ..errors import LmcourseError
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import load_language_model
from .corpus_scores import score_streams, scoring_data

__all__ = ["HarnessModel"]


@register_model("lmcourse")
class HarnessModel(HFLM):
    """One of our causal language models, as `lm_eval.simple_evaluate` takes it.

        results = lm_eval.simple_evaluate(HarnessModel("runs/quickstart"), tasks=["wikitext"])

    A text begins after a line end, as in `lmcourse evaluate`. Where a task asks for the likelihood
    of a whole text, a model that carries its state reads it in one go; a Transformer reads windows
    of its longest context, as the harness does with every model.

    Args:
        pretrained: a run folder, a saved model or an id on the Hub; or a model.
        tokenizer: of a model that is given as such.
        **options: those of the harness's `HFLM`: `batch_size`, or `max_length`, the longest context
            of a question; by default `max_position_embeddings`, or 2,048 where there is no limit.

    Raises:
        LmcourseError: no such model, not one of ours, or no token to begin a text with.
    """

    def __init__(
        self,
        pretrained: str | LanguageModelForCausalLM,
        tokenizer: PreTrainedTokenizerBase | None = None,
        **options: Any,
    ) -> None:
        model: Any = pretrained
        name = pretrained if isinstance(pretrained, str) else type(pretrained).__name__
        if isinstance(pretrained, str):
            model, tokenizer = load_language_model(pretrained)
        if not isinstance(model, LanguageModelForCausalLM) or tokenizer is None:
            raise LmcourseError(f"{name} is not one of this package's language models: take `hf`")
        begin = line_end_token_id(tokenizer)
        if begin is None:
            raise LmcourseError(f"{name} knows no line end, which a text could begin after")
        options = {"prefix_token_id": begin, **options}
        super().__init__(pretrained=model, tokenizer=tokenizer, backend="causal", **options)

    @property
    def eot_token_id(self) -> int:
        """What ends an answer: the end of a line, or padding where that is an ordinary token."""
        end = self.tokenizer.eos_token_id
        return self.tokenizer.pad_token_id if end is None else end

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """The log-likelihood of whole texts, in nats."""
        if not self.model.carries_state:
            return super().loglikelihood_rolling(requests, disable_tqdm)
        return [self._whole_text(request.args[0]) for request in requests]

    def _whole_text(self, text: str) -> float:
        tokens = torch.tensor(self.tok_encode(text), dtype=torch.long).numpy()
        if not len(tokens):
            return 0.0
        special = context_tokens(self.tokenizer) | {"first_context": self.prefix_token_id}
        data = scoring_data(self.model, tokens, rows=1, **special)
        return -score_streams(self.model, DataLoader(data)).nats
