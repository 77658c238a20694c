"""Check of the causal mask: the copying head, and a small model trained without the mask."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ...data.encoding import encode_text
from ...layers.attention import attend
from ...models import TransformerConfig, TransformerForCausalLM
from ...tokenization import CharacterTokenizer
from .. import causal_mask
from ..check_result import CheckResult, Row, Table, below, same
from .references import corpus_text, seeded

VOCABULARY, LENGTH = 50, 12
BATCH = 32


def check(block: int = 32, steps: int = 300) -> CheckResult:
    """Check the closed forms with attention itself; train two models, with and without mask."""
    trained_rows, table = _trained(block, steps)
    return CheckResult([*_copying_rows(), *trained_rows], [table])


def _copying_rows() -> list[Row]:
    generator = seeded()
    tokens = torch.randperm(VOCABULARY, generator=generator)[:LENGTH]
    V = functional.one_hot(tokens, VOCABULARY).double()
    causal = torch.ones(LENGTH, LENGTH).tril().bool()
    rows = []
    for beta, gamma in ((0.0, 1.0), (3.0, 5.0), (9.0, 20.0)):
        scores = causal_mask.copying_scores(LENGTH, beta)
        identity = torch.eye(LENGTH, dtype=torch.float64)
        copied, _ = attend(scores, identity, V, scale=1.0)  # Q K^T = Q are the scores
        blind, _ = attend(scores, identity, V, causal, scale=1.0)
        seen = causal_mask.copying_loss(LENGTH, VOCABULARY, beta, gamma)
        unseen = [causal_mask.loss_without_a_future(t, VOCABULARY, gamma) for t in range(1, LENGTH)]
        name = f"beta = {beta:g}, gamma = {gamma:g}"
        rows += [
            same(f"{name}: loss, all visible", seen, _losses(gamma * copied, tokens).mean()),
            same(
                f"{name}: losses, past only",
                torch.tensor(unseen, dtype=torch.float64),
                _losses(gamma * blind, tokens),
            ),
            below("... log V is below each of them", math.log(VOCABULARY), min(unseen)),
        ]
    return rows


def _losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the loss of every token but the first."""
    return functional.cross_entropy(logits[:-1], tokens[1:], reduction="none")


def _trained(block: int, steps: int) -> tuple[list[Row], Table]:
    """Train two Transformers of the same size on the characters of cpython-docs."""
    tokenizer = CharacterTokenizer.train(corpus_text("train"))
    ids, held_out = (
        torch.from_numpy(encode_text(corpus_text(split), tokenizer).astype("int64"))
        for split in ("train", "validation")
    )
    uniform = math.log(len(tokenizer))
    losses: dict[str, tuple[float, float]] = {}
    written: dict[str, str] = {}
    with torch.random.fork_rng():
        for name, masked in (("with the mask", True), ("without", False)):
            torch.manual_seed(0)
            model = _train(_model(len(tokenizer), block, masked), ids, block, steps)
            masked_now = _model(len(tokenizer), block, masked=True)
            masked_now.load_state_dict(model.state_dict())
            losses[name] = _loss(model, held_out, block), _loss(masked_now, held_out, block)
            written[name] = _continued(model, tokenizer)
    learned, (copied, blind) = losses["with the mask"][0], losses["without"]
    rows = [
        below("trained with the mask: below log V", learned, uniform),
        below("trained without: a tenth of that, as trained", copied, learned / 10),
        below("... but more than log V with the past only", uniform, blind),
    ]
    title = (
        f"Two layers of 64, {steps} steps of {BATCH} x {block} characters of cpython-docs; held-out"
        f" loss in nats per character (log V = {uniform:.2f}), and a continuation"
    )
    columns = ("trained", "as trained", "past only", 'continues "The "')
    return rows, Table(title, columns, [(name, *losses[name], written[name]) for name in losses])


def _model(vocabulary: int, block: int, masked: bool) -> TransformerForCausalLM:
    config = TransformerConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        num_hidden_layers=2,
        max_position_embeddings=2 * block,
        is_causal=masked,
    )
    return TransformerForCausalLM(config).eval()


def _train(
    model: TransformerForCausalLM, ids: Tensor, block: int, steps: int
) -> TransformerForCausalLM:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        batch = ids[torch.randint(len(ids) - block, (BATCH, 1)) + torch.arange(block)]
        optimizer.zero_grad()
        model(batch, labels=batch).loss.backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def _loss(model: TransformerForCausalLM, ids: Tensor, block: int) -> float:
    """Return nats per character in blocks."""
    blocks = ids[: len(ids) // block * block].view(-1, block)[:400]
    loss: float = model(blocks, labels=blocks).loss.item()
    return loss


@torch.no_grad()
def _continued(model: Any, tokenizer: CharacterTokenizer) -> str:
    """Continue a prompt greedily."""
    prompt = tokenizer("The ", return_tensors="pt")
    written = model.generate(**prompt, max_new_tokens=24, do_sample=False)
    return repr(tokenizer.decode(written[0, prompt.input_ids.shape[1] :]))
