"""The package's language models in EleutherAI's lm-evaluation-harness; needs the extra `eval`.

The models differ in two ways from those that the harness expects: a tokenizer of characters or
words has no BOS token, and a recurrent model reads the whole text before a word, not a window.
"""

from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from ..data.streams import context_tokens, line_end_token_id
from ..errors import LmcourseError
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.loading import load_language_model
from .corpus_scores import score_streams, scoring_data


@register_model("lmcourse")
class HarnessModel(HFLM):
    """A causal language model of the package for `lm_eval.simple_evaluate`.

        results = lm_eval.simple_evaluate(HarnessModel("runs/quickstart"), tasks=["wikitext"])

    A text begins after a line end, as in `lmcourse evaluate`. For the likelihood of a whole
    text, a model that carries its state reads all of it; a Transformer reads windows of its longest
    context, as the harness does with every model.

    Args:
        pretrained: A run folder, a saved model, an id on the Hub, or a model.
        tokenizer: Tokenizer of a model that is given as an object.
        **options: Options of `HFLM`: `batch_size`, or `max_length`, the longest context of a
            request; by default `max_position_embeddings`, or 2,048 if there is no limit.

    Raises:
        LmcourseError: No such model, a model of another package, or no token to start a text with.
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
        """The token that ends an answer: the line end, or padding if that is an ordinary token."""
        end = self.tokenizer.eos_token_id
        return self.tokenizer.pad_token_id if end is None else end

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Compute the log-likelihood of whole texts, in nats."""
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
