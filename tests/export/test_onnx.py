"""In onnxruntime the graphs equal the model, also at sizes that were not traced."""

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError
from hf_lmcourse.export import onnx as exporter
from hf_lmcourse.export.graphs import state_parts
from hf_lmcourse.models.causal_lm import LanguageModelForCausalLM

from ..models.families import (
    FAMILIES,
    NEW_FAMILIES,
    OUTPUT_LAYERS,
    VOCABULARY,
    Family,
    token_ids,
)

try:
    import onnxruntime
except ImportError:
    onnxruntime = None

needs_onnx = pytest.mark.skipif(
    onnxruntime is None, reason='onnxruntime is not installed: pip install ".[onnx]"'
)

SIZES = ((1, 1), (2, 9), (4, 2))
"""Batch and length; the exporter traces with neither."""

BY_NAME = {family.name: family for family in [*FAMILIES, *NEW_FAMILIES]}

EXPORTED = ("lstm", "ngram_fnn", "bigram_mlp", "transformer")
"""One family per kind of state: h and c, a window, none, a growing one; the others are slow."""

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *(("lstm", settings) for settings in OUTPUT_LAYERS.values() if settings),
    ("char_rnn", {"hidden_act": "sigmoid"}),
    ("lstm", {"capped_input_gate": True}),
    ("ngram_fnn", {"direct_connections": True}),
    ("ngram_fnn", {"context_size": 1}),
    ("transformer", {"position_embedding_type": "rotary", "hidden_act": "swiglu"}),
    ("transformer", {"position_embedding_type": "sinusoidal"}),
    ("transformer", {"attention_pattern": "local", "attention_window": 2}),
    ("transformer", {"attention_pattern": "strided", "attention_window": 2}),
    ("transformer", {"attention_pattern": "log_sparse"}),
]


class Graph:
    """A session of onnxruntime."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(str(path))
        self.inputs = [node.name for node in self.session.get_inputs()]
        self.outputs = [node.name for node in self.session.get_outputs()]

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the graph; inputs and outputs by name."""
        return dict(zip(self.outputs, self.session.run(None, inputs), strict=True))


def assert_same(found: NDArray[Any], expected: torch.Tensor) -> None:
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-5, atol=1e-5)


def check_causal(model: LanguageModelForCausalLM, whole: Graph, step: Graph) -> None:
    """Compare whole texts, and the same texts in pieces with the state between them."""
    parts = state_parts(model)
    assert whole.inputs == ["input_ids"]
    assert step.inputs == ["input_ids", *(f"past.{part.name}" for part in parts)]
    assert step.outputs == ["logits", *(f"present.{part.name}" for part in parts)]
    for batch, length in SIZES:
        ids = token_ids(batch, length, seed=length)
        expected = model(input_ids=ids).logits
        assert_same(whole(input_ids=ids.numpy())["logits"], expected)
        state = {f"past.{part.name}": part.start(batch).numpy() for part in parts}
        pieces = []
        for piece in ids.split([1] * min(2, length) + [length - 2] * (length > 2), dim=1):
            outputs = step(input_ids=piece.numpy(), **state)
            pieces.append(outputs["logits"])
            state = {name: outputs[name.replace("past", "present")] for name in state}
        assert_same(np.concatenate(pieces, axis=1), expected)


@dataclass
class Exported:
    """A model in float64 and training mode, its weights before the export, and the files."""

    model: Any
    before: dict[str, torch.Tensor]
    whole: Path
    step: Path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Exported]:
    """Each family's export, which takes seconds and is made once."""

    @cache
    def export(family: str) -> Exported:
        row = BY_NAME[family]
        changes: dict[str, Any] = {"backend": "torch"} if row.reference else {}
        model = row.random(std=0.3, **changes).train()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        return Exported(
            model, before, *exporter.export_onnx(model, tmp_path_factory.mktemp(family))
        )

    return lambda family: export(family.name)


@needs_onnx
@pytest.mark.parametrize(
    "family",
    [
        pytest.param(family, marks=[] if family.name in EXPORTED else pytest.mark.slow)
        for family in BY_NAME.values()
    ],
    ids=lambda family: family.name,
)
def test_graphs_equal_the_model(family: Family, exported: Callable[[Family], Exported]) -> None:
    found = exported(family)
    assert found.model.training
    if family.reference:
        assert all(layer.backend == "torch" for layer in found.model.model.layers)
    after = found.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in found.before.items())
    model = copy.deepcopy(found.model).float().eval()
    check_causal(model, Graph(found.whole), Graph(found.step))


@needs_onnx
@pytest.mark.parametrize("name", ["lstm", "bigram_mlp", "transformer"])
def test_the_loop_of_the_docs_continues_as_generate_does(
    name: str, exported: Callable[[Family], Exported]
) -> None:
    found = exported(BY_NAME[name])
    page = Path(__file__).parents[2] / "docs" / "other_tools.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    (loop,) = [code for code in blocks if "step" in code]
    variables: dict[str, Any] = {}
    exec(loop.replace("graphs/step.onnx", str(found.step)), variables)  # a page of this repository
    expected = (
        copy.deepcopy(found.model)
        .float()
        .eval()
        .generate(torch.tensor([[2, 3, 4]]), max_new_tokens=20, do_sample=False, eos_token_id=-1)
    )
    assert variables["tokens"] == expected[0].tolist()


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes"), VARIANTS, ids=str)
def test_graphs_equal_the_model_whatever_its_settings(
    name: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    model = BY_NAME[name].random(std=0.3, **changes).float()
    check_causal(model, *map(Graph, exporter.export_onnx(model, tmp_path)))


@needs_onnx
@pytest.mark.parametrize(
    "changes",
    [{}, {"ngram_buckets": 50, "max_ngram": 3, "distinct_words": True}],
    ids=str,
)
def test_the_graph_of_a_classifier_equals_the_model(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    config = DANConfig(
        vocab_size=VOCABULARY, embedding_size=6, hidden_size=5, num_labels=3, **changes
    )
    model = DANForSequenceClassification(config).eval()
    (path,) = exporter.export_onnx(model, tmp_path)
    graph = Graph(path)
    assert graph.inputs == ["input_ids", "attention_mask"]
    for texts, length in SIZES:
        ids = token_ids(texts, length, seed=length)
        mask = token_ids(texts, length, seed=length + 1, vocabulary=2)  # padding anywhere
        expected = model(input_ids=ids, attention_mask=mask).logits
        found = graph(input_ids=ids.numpy(), attention_mask=mask.numpy())["logits"]
        assert_same(found, expected)


def test_a_foreign_model_is_refused(tmp_path: Path) -> None:
    model: Any = torch.nn.Linear(1, 1)
    with pytest.raises(LmcourseError, match="Linear is not one of this package's models"):
        exporter.export_onnx(model, tmp_path)


def test_a_transformer_that_sees_what_follows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="without a causal mask"):
        exporter.export_onnx(BY_NAME["transformer"].initial(is_causal=False), tmp_path)


def test_missing_packages_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    with pytest.raises(LmcourseError, match=r"onnxscript: pip install .hf-lmcourse\[onnx\]"):
        exporter.export_onnx(BY_NAME["lstm"].initial(), tmp_path)
