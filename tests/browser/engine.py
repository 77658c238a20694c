"""The page's scripts in a JavaScript engine, called from Python."""

import json
from typing import Any

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hf_lmcourse.browser.portable_model import portable_model
from hf_lmcourse.browser.scripts import engine_source
from hf_lmcourse.browser.weight_rounding import Rounding

_CALLS = """
let model, tokenizer, state;
function load(description) {
  model = makeModel(description);
  tokenizer = makeTokenizer(description.tokenizer);
}
function begin() { state = model.initialState(); }
function logits(tokens, changes) {
  return tokens.map((token) => {
    state = model.step(state, token, changes);
    return Array.from(model.logits(model.hidden(state)));
  });
}
function changed(factors) {
  const changes = new Changes();
  for (const [kind, layer, which, factor] of factors) changes.set(kind, layer, which, factor);
  return changes;
}
"""


class Engine:
    """The scripts, with a model and a tokenizer loaded."""

    def __init__(self) -> None:
        racer = pytest.importorskip("py_mini_racer", reason="mini-racer is not installed")
        self._engine = racer.MiniRacer()
        self._engine.eval(engine_source() + _CALLS)

    def load(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        rounding: Rounding = "float32",
    ) -> None:
        """Load what a page of this model would have."""
        self.eval(f"load({json.dumps(portable_model(model, tokenizer, rounding))})")

    def eval(self, expression: str) -> Any:
        """The value of an expression, as JSON carries it."""
        found = self._engine.eval(f"JSON.stringify(({expression}) ?? null)")
        return json.loads(found)

    def logits(self, tokens: list[int], factors: list[tuple[str, int, Any, float]] = ()) -> Any:
        """The logits after each token, from the state that the tokens before have left."""
        return self.eval(f"logits({json.dumps(tokens)}, changed({json.dumps(factors)}))")

    def begin(self) -> None:
        """Forget the tokens before."""
        self.eval("begin()")
