"""What every family passes: saving, causality, streams, padding, references, settings."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

import hf_lmcourse

from .families import (
    FAMILIES,
    OUTPUT_LAYERS,
    VOCABULARY,
    Family,
    assert_close,
    every_family,
    every_family_and_output_layer,
    every_family_with,
    every_family_with_a_state,
    every_recurrent_family,
    gradients,
    left_padded,
    token_ids,
)

LAYERS = ("window", "hidden", "layers")
"""Names of the first layer of a base model."""

LOAD_IN_A_FRESH_PROCESS = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM
import hf_lmcourse
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = load_file(folder / "expected.st")["ids"]
    body = AutoModel.from_pretrained(folder)
    if model.config.tie_word_embeddings:
        assert model.lm_head.weight is model.get_input_embeddings().weight
    # Weights mapped from a file are not aligned in memory, and matrix products then round otherwise
    # in the last bit; a copy is aligned.
    for parameter in (*model.parameters(), *body.parameters()):
        parameter.data = parameter.data.clone()
    with torch.no_grad():
        results = {"logits": model(ids).logits, "body": body(ids)[0]}
    save_file({k: v.contiguous() for k, v in results.items()}, folder / "actual.st")
"""


def test_saved_models_load_through_the_auto_classes_bit_for_bit(tmp_path: Path) -> None:
    for family in FAMILIES:
        for name, changes in OUTPUT_LAYERS.items():
            model, ids = family.random(**changes), token_ids(2, 7)
            folder = tmp_path / f"{family.name}-{name}"
            model.save_pretrained(folder)
            with torch.no_grad():
                expected = {"logits": model(ids).logits, "body": model.model(ids)[0].contiguous()}
            save_file({"ids": ids, **expected}, folder / "expected.st")
    subprocess.run(
        [sys.executable, "-c", LOAD_IN_A_FRESH_PROCESS, str(tmp_path)],
        cwd=Path(hf_lmcourse.__file__).parents[1],
        check=True,
    )
    for folder in tmp_path.iterdir():
        expected, actual = (load_file(folder / f"{name}.st") for name in ("expected", "actual"))
        assert torch.equal(actual["logits"], expected["logits"]), folder.name
        assert torch.equal(actual["body"], expected["body"]), folder.name


@every_family
def test_a_token_changes_no_prediction_before_it(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 7)
    logits = model(ids).logits
    for t in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, t] = (changed[:, t] + 1) % VOCABULARY
        new = model(changed).logits
        assert torch.equal(new[:, :t], logits[:, :t])
        assert not torch.isclose(new[:, t], logits[:, t]).all()


@every_family_and_output_layer
def test_step_by_step_equals_the_whole_sequence(family: Family, output_layer: str) -> None:
    model, ids = family.random(**OUTPUT_LAYERS[output_layer]), token_ids(2, 7)
    steps: list[Tensor] = []
    past: Any = None
    for t in range(ids.shape[1]):
        outputs = model(ids[:, t : t + 1], past_key_values=past, use_cache=True)
        past = outputs.past_key_values
        steps.append(outputs.logits)
    assert past.get_seq_length() == ids.shape[1]
    assert_close(torch.cat(steps, dim=1), model(ids).logits)


@every_family
@settings(max_examples=5, deadline=None)
@given(cuts=st.sets(st.integers(1, 8), max_size=4), batch=st.integers(1, 3))
def test_a_stream_in_pieces_equals_one_pass_in_values_and_gradients(
    family: Family, cuts: set[int], batch: int
) -> None:
    model, ids = family.random(), token_ids(batch, 9)
    pieces, past = [], None
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 9], strict=True):
        outputs = model(ids[:, start:end], past_key_values=past, use_cache=True)
        past = outputs.past_key_values
        pieces.append(outputs.logits)
    logits, whole = torch.cat(pieces, dim=1), model(ids).logits
    assert_close(logits, whole)
    slopes = torch.randn(whole.shape, generator=torch.Generator().manual_seed(5)).double()
    assert_close(
        gradients(model, (logits * slopes).sum()), gradients(model, (whole * slopes).sum()), 1e-9
    )


@every_family
@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=3), right=st.integers(0, 3))
def test_a_padded_row_equals_the_row_alone(family: Family, lengths: list[int], right: int) -> None:
    model = family.random()
    rows = [token_ids(1, length, seed=length)[0] for length in lengths]
    ids, mask = left_padded(rows)
    ids = torch.nn.functional.pad(ids, (0, right), value=3)
    mask = torch.nn.functional.pad(mask, (0, right))
    outputs = model(ids, attention_mask=mask, use_cache=True)
    more = token_ids(len(rows), 2, seed=9)
    more_mask = torch.cat([mask, torch.ones_like(more)], dim=1)
    continued = model(more, attention_mask=more_mask, past_key_values=outputs.past_key_values)
    for index, row in enumerate(rows):
        alone = model(torch.cat([row, more[index]])[None]).logits[0]
        assert_close(outputs.logits[index, mask[index] == 1], alone[: len(row)])
        assert_close(continued.logits[index], alone[len(row) :])


def library_forward(family: Family, model: Any, ids: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits by the library with the model's weights, and its parameters by our names."""
    assert family.reference is not None
    config = model.config
    library = family.reference(
        config.embedding_size, config.hidden_size, config.num_hidden_layers, batch_first=True
    ).double()
    pairs = {}
    for index, layer in enumerate(model.model.layers):
        prefix = f"model.layers.{index}"
        pairs[f"{prefix}.input_projection.weight"] = f"weight_ih_l{index}"
        pairs[f"{prefix}.input_projection.bias"] = f"bias_ih_l{index}"
        pairs[f"{prefix}.recurrent_projection.weight"] = f"weight_hh_l{index}"
        getattr(library, f"bias_hh_l{index}").data.zero_()
        if layer.recurrent_bias:
            pairs[f"{prefix}.recurrent_projection.bias"] = f"bias_hh_l{index}"
    ours, theirs = dict(model.named_parameters()), dict(library.named_parameters())
    for mine, other in pairs.items():
        theirs[other].data.copy_(ours[mine].data)
    output, _ = library(model.model.embed_tokens(ids))
    return model.lm_head(output), {mine: theirs[other] for mine, other in pairs.items()}


@every_recurrent_family
def test_two_layers_equal_the_librarys_recurrence_in_values_and_gradients(family: Family) -> None:
    model, ids = family.random(), token_ids(3, 8)
    expected, library_parameters = library_forward(family, model, ids)
    logits = model(ids).logits
    assert_close(logits, expected)
    ours = dict(model.named_parameters())
    leaves = {**ours, **library_parameters}
    slopes = torch.randn(logits.shape, generator=torch.Generator().manual_seed(5)).double()
    grads = torch.autograd.grad((logits * slopes).sum(), list(ours.values()))
    expected_grads = torch.autograd.grad((expected * slopes).sum(), [leaves[name] for name in ours])
    assert_close(grads, expected_grads, 1e-9)


@every_recurrent_family
@pytest.mark.parametrize("padded", [False, True])
def test_the_library_backend_equals_the_native_one(family: Family, padded: bool) -> None:
    models = family.random(), family.random(backend="torch")
    ids, mask = left_padded([token_ids(1, length)[0] for length in (3, 6)])
    options = {"attention_mask": mask} if padded else {}
    losses = [model(ids, labels=ids, **options).loss for model in models]
    logits = [model(ids, **options).logits for model in models]
    assert_close(*losses)
    assert_close(*logits)
    native, library = (gradients(m, loss) for m, loss in zip(models, losses, strict=True))
    assert_close(native, library)


@every_family_and_output_layer
def test_every_output_layer_gives_normalised_probabilities(
    family: Family, output_layer: str
) -> None:
    model, ids = family.random(**OUTPUT_LAYERS[output_layer]), token_ids(2, 5)
    logits = model(ids).logits
    assert logits.shape == (2, 5, VOCABULARY)
    total = logits.softmax(-1).sum(-1)
    assert_close(total, torch.ones_like(total))
    if output_layer == "adaptive":
        assert_close(logits.exp().sum(-1), torch.ones_like(total))


@every_family
def test_the_docstring_counts_the_parameters(family: Family) -> None:
    documentation = inspect.getdoc(family.config_class) or ""
    formula = re.search(r"^Parameters of .*?\n\n\s+(.+?)$", documentation, re.M | re.S)
    assert formula is not None, "the docstring of a config gives the number of parameters"
    product = re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", formula[1])
    ast.parse(product, mode="eval")
    for layers in family.depths:
        model = family.initial(
            vocab_size=13, embedding_size=5, hidden_size=8, num_hidden_layers=layers
        )
        sizes = {"V": 13, "E": 5, "H": 8, "L": layers, "N": family.context}
        sizes["I"] = getattr(model.config, "intermediate_size", 0)
        sizes["P"] = getattr(model.config, "max_position_embeddings", 0)
        assert model.num_parameters() == eval(product, {"__builtins__": {}}, sizes), product


@every_family
def test_hidden_states_are_those_of_every_layer(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 5)
    outputs = model(ids, output_hidden_states=True)
    states = outputs.hidden_states
    assert len(states) == model.config.num_hidden_layers + 1
    assert_close(states[0], family.first_hidden(model, ids))
    assert_close(states[-1], model.model(ids).last_hidden_state)
    assert model(ids).hidden_states is None


@every_family_with("full", "tied", "tied_with_projection")
def test_resizing_the_vocabulary_keeps_old_scores(family: Family, output_layer: str) -> None:
    model, ids = family.random(**OUTPUT_LAYERS[output_layer]), token_ids(2, 5)
    before = model(ids).logits
    model.resize_token_embeddings(VOCABULARY + 3, mean_resizing=False)
    after = model(ids).logits
    assert model.config.vocab_size == VOCABULARY + 3 == after.shape[-1]
    assert_close(after[..., :VOCABULARY], before)
    assert model(ids, labels=ids + 3).loss.isfinite()
    if output_layer != "full":
        assert model.lm_head.weight is model.get_input_embeddings().weight


@every_family
def test_an_adaptive_output_refuses_to_be_resized(family: Family) -> None:
    model = family.random(**OUTPUT_LAYERS["adaptive"])
    assert model.get_output_embeddings() is None
    assert model.resize_token_embeddings().num_embeddings == VOCABULARY
    with pytest.raises(ValueError, match="cannot be resized"):
        model.resize_token_embeddings(VOCABULARY + 1)


@every_family
def test_gradient_checkpointing_changes_no_value_and_no_gradient(family: Family) -> None:
    model, ids = family.random().train(), token_ids(2, 9)
    loss = model(ids, labels=ids).loss
    expected = gradients(model, loss)
    calls: list[int] = []
    layer = next(model.model.get_submodule(name) for name in LAYERS if hasattr(model.model, name))
    first = next(m for m in layer.modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv1d))
    first.register_forward_pre_hook(lambda *_: calls.append(1))
    model.activation_checkpointing_enable()
    again = model(ids, labels=ids).loss
    assert_close(again, loss)
    assert_close(gradients(model, again), expected)
    assert len(calls) == 2  # forward, and once more in the backward pass


@every_family_with_a_state
def test_a_stream_in_pieces_is_the_same_with_gradient_checkpointing(family: Family) -> None:
    model, ids = family.random().train(), token_ids(2, 9)
    whole = model(ids, labels=ids).loss
    model.activation_checkpointing_enable()
    past, losses = None, []
    for piece, labels in zip(ids.split(3, dim=1), ids[:, 1:].split(3, dim=1), strict=True):
        labels = torch.nn.functional.pad(labels, (0, 3 - labels.shape[1]), value=-100)
        outputs = model(
            *(piece, None, past), shift_labels=labels, num_items_in_batch=16, use_cache=True
        )
        past = outputs.past_key_values
        losses.append(outputs.loss)
    assert past.get_seq_length() == 9
    total = torch.stack(losses).sum()
    assert_close(total, whole)
    assert_close(gradients(model, total), gradients(model, whole))


@every_family_and_output_layer
def test_weights_missing_from_a_checkpoint_are_initialised(
    family: Family, output_layer: str
) -> None:
    config = family.config(**OUTPUT_LAYERS[output_layer])
    torch.manual_seed(1)
    loaded = family.model_class.from_pretrained(None, config=config, state_dict={})
    expected = dict(family.initial(**OUTPUT_LAYERS[output_layer]).named_parameters())
    for name, parameter in loaded.named_parameters():
        assert parameter.isfinite().all(), name
        assert parameter.abs().max() <= 1.5 * expected[name].abs().max() + 0.1, name
        assert (parameter.std() == 0) == (expected[name].std() == 0), name
        if parameter.ndim == 1:
            assert torch.equal(parameter, expected[name]), name
    logits = loaded(token_ids(2, 5)).logits
    assert logits.std() > 0


@every_recurrent_family
@pytest.mark.parametrize("loaded", [False, True])
def test_recurrent_layers_start_as_documented(family: Family, loaded: bool) -> None:
    config = family.config(hidden_size=64, embedding_size=64)
    torch.manual_seed(0)
    model: Any = (
        family.model_class.from_pretrained(None, config=config, state_dict={})
        if loaded
        else family.model_class(config)
    )
    for layer in model.model.layers:
        recurrent, bias = layer.recurrent_projection.weight, layer.input_projection.bias
        assert 0.12 < layer.input_projection.weight.abs().max() <= 64**-0.5
        assert 0.12 < recurrent.abs().max() <= 64**-0.5
        expected = torch.zeros_like(bias)
        if family.name == "lstm":
            expected[64:128] = 1
        assert torch.equal(bias, expected)


@every_family
@pytest.mark.parametrize("output_layer", ["full", "tied"])
def test_embeddings_start_with_their_deviation_and_tied_ones_with_that_of_the_output(
    family: Family, output_layer: str
) -> None:
    sizes = {"vocab_size": 200, "hidden_size": 32, "embedding_size": 32}
    model = family.initial(output_layer=output_layer, **sizes)
    of_outputs = model.config.initializer_range
    of_embeddings = family.embedding_deviation if output_layer == "full" else None
    embeddings = model.get_input_embeddings().weight
    assert embeddings.std().item() == pytest.approx(of_embeddings or of_outputs, rel=0.05)
    assert model.lm_head.weight.std().item() == pytest.approx(of_outputs, rel=0.05)


@every_family
def test_loaded_weights_stay_as_they_are_whichever_is_missing(family: Family) -> None:
    state = family.random().float().state_dict()
    for missing in state:
        rest = {name: tensor for name, tensor in state.items() if name != missing}
        loaded = family.model_class.from_pretrained(None, config=family.config(), state_dict=rest)
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, state[name]) == (name != missing), (missing, name)


@every_family
@pytest.mark.parametrize("wrong", [-1, VOCABULARY])
def test_a_token_outside_the_vocabulary_is_refused_with_both_numbers(
    family: Family, wrong: int
) -> None:
    ids = torch.tensor([[4, wrong]])
    low, high = sorted((4, wrong))
    with pytest.raises(IndexError, match=f"{low} to {high} .* vocabulary of {VOCABULARY}"):
        family.initial()(ids)


@every_family
def test_ids_and_embeddings_exclude_each_other(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 5)
    embeddings = model.get_input_embeddings()(ids)
    assert_close(model(inputs_embeds=embeddings).logits, model(ids).logits)
    with pytest.raises(ValueError, match="exactly one"):
        model(ids, inputs_embeds=embeddings)
    with pytest.raises(ValueError, match="exactly one"):
        model()


@every_family
def test_logits_are_kept_where_asked(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 5)
    logits = model(ids).logits
    assert_close(model(ids, logits_to_keep=2).logits, logits[:, -2:])
    assert_close(model(ids, logits_to_keep=torch.tensor([0, 3])).logits, logits[:, [0, 3]])


@every_family
def test_a_cache_comes_back_only_where_wanted(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 5)
    assert model(ids).past_key_values is not None
    assert model(ids, use_cache=False).past_key_values is None
    assert family.random(use_cache=False)(ids).past_key_values is None


@every_family
def test_every_dropout_acts_in_training_and_never_in_evaluation(family: Family) -> None:
    ids = token_ids(2, 5)
    plain = family.random()(ids).logits
    kinds = [name for name in vars(family.config()) if name.endswith("_dropout")]
    for kind in set(kinds) - {"locked_dropout"}:
        for locked in (False, True) if "locked_dropout" in kinds else (None,):
            changes: dict[str, Any] = {} if locked is None else {"locked_dropout": locked}
            model = family.random(**{kind: 0.5}, **changes)
            assert torch.equal(model(ids).logits, plain), kind
            model.train()
            torch.manual_seed(0)
            assert not torch.equal(model(ids).logits, model(ids).logits), kind
