"""Two families of somebody else, a file each, become all that a family of the package is.

The contract tests run over them too (`families.NEW_FAMILIES`). Here is what needs more than a
model: training with carried state, a run from settings, ONNX, code for the Hub.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.cache_utils import DYNAMIC_LAYER_TYPE_MAPPING, STATIC_LAYER_TYPE_MAPPING

import hf_lmcourse
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.export.graphs import StepGraph, state_parts
from hf_lmcourse.export.onnx import export_onnx
from hf_lmcourse.models.cache import RECURRENT_STATE, RecurrentStateLayer
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.sharing.export_code import export_code
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.trainer import StreamTrainer

from .families import NEW_FAMILIES, VOCABULARY, Family, assert_close, token_ids

every_new_family = pytest.mark.parametrize("family", NEW_FAMILIES, ids=lambda family: family.name)


@every_new_family
def test_a_carried_state_makes_the_blocks_one_long_text(family: Family, tmp_path: Path) -> None:
    model = family.random()
    args = RunArguments(
        output_dir=str(tmp_path),
        per_device_train_batch_size=2,
        eval_strategy="no",
        save_strategy="no",
        load_best_model_at_end=False,
        use_cpu=True,
    )
    streams = ContiguousStreams(np.arange(41) % VOCABULARY, num_streams=2, block_length=5)
    trainer = StreamTrainer(model=model, args=args, train_dataset=streams)
    batches = list(trainer.get_train_dataloader())
    model.train()
    losses = [trainer.compute_loss(model, batch, num_items_in_batch=1) for batch in batches]
    inputs, labels = (torch.cat([b[k] for b in batches], 1) for k in ("input_ids", "shift_labels"))
    expected = model(inputs, shift_labels=labels, num_items_in_batch=1).loss
    assert_close(torch.stack(losses).sum(), expected)
    assert len(batches) > 2


@every_new_family
def test_a_run_trains_it_from_settings_and_leaves_a_model(family: Family, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat\n" * 40)
    recipe = tmp_path / "new.yaml"
    recipe.write_text(
        f"model: {{model_type: {family.config_class.model_type}, hidden_size: 8}}\n"
        f"data: {{corpus: {text}, cache_dir: {tmp_path / 'cache'}}}\n"
        f"training: {{output_dir: {tmp_path / 'run'}, max_steps: 2, sample_length: 4}}\n"
    )
    run = prepare_run(read_settings([str(recipe)]), ["lmcourse", "train", str(recipe)])
    run.train()
    summary = run.finish()
    loaded = AutoModelForCausalLM.from_pretrained(summary.folder)
    assert type(loaded) is family.model_class
    assert summary.result.metrics["validation"]["perplexity"] > 1
    assert "h_t = " in (summary.folder / "README.md").read_text(), "the card has the equation"


@every_new_family
def test_a_step_graph_takes_and_gives_the_whole_state(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 6)
    parts = state_parts(model)
    layers: Any = model.model.layers
    assert [part.shape for part in parts] == [s for layer in layers for s in layer.state_shapes]
    graph = StepGraph(model)
    with torch.no_grad():
        _, *state = graph(ids[:, :4], tuple(part.start(2).double() for part in parts))
        logits, *_ = graph(ids[:, 4:], tuple(state))
        assert_close(logits, model(ids).logits[:, 4:])


@pytest.mark.slow
@every_new_family
def test_onnx_files_equal_the_model(family: Family, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model, ids = family.random().float(), token_ids(2, 6)
    whole, step = export_onnx(model, tmp_path)
    (logits,) = runtime.InferenceSession(whole).run(None, {"input_ids": ids.numpy()})
    assert_close(torch.from_numpy(logits), model(ids).logits.detach(), tolerance=1e-4)
    past = {f"past.{p.name}": p.start(2).numpy() for p in state_parts(model)}
    logits, *_ = runtime.InferenceSession(step).run(None, {"input_ids": ids.numpy(), **past})
    assert_close(torch.from_numpy(logits), model(ids).logits.detach(), tolerance=1e-4)


@every_new_family
def test_its_code_for_the_hub_is_self_contained_and_computes_the_same(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ids = family.random(), token_ids(2, 6)
    code = export_code(family.config_class.model_type)
    folder = tmp_path / f"flat_{family.name}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name, source in code.files.items():
        (folder / name).write_text(source.replace("\nregister_causal_lm(", "\n(lambda *_: None)("))
    monkeypatch.syspath_prepend(tmp_path)
    for layers in (
        DYNAMIC_LAYER_TYPE_MAPPING,
        STATIC_LAYER_TYPE_MAPPING,
    ):  # the copy enters its own
        monkeypatch.setitem(layers, RECURRENT_STATE, RecurrentStateLayer)
    classes = {
        auto: getattr(
            importlib.import_module(f"{folder.name}.{place.split('.')[0]}"), place.split(".")[1]
        )
        for auto, place in code.auto_map.items()
    }
    config = classes["AutoConfig"](**family.settings, vocab_size=VOCABULARY)
    other = classes["AutoModelForCausalLM"](config).double().eval()
    assert type(other) is not type(model)
    other.load_state_dict(model.state_dict())
    assert_close(other(ids).logits, model(ids).logits)
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        assert not str(sys.modules[name].__file__).startswith(
            str(Path(hf_lmcourse.__file__).parent)
        )
        del sys.modules[name]
