"""Blocks of random length in training: the rate follows them, and a resumed run is the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.random_blocks import RandomBlockStreams
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.training.carried_state import load_carried_state, save_carried_state

from .test_trainer import STREAMS, VOCABULARY, tiny_model, trainer

BASE = 12


def random_blocks(length: int = 600) -> RandomBlockStreams:
    tokens = np.random.default_rng(0).integers(VOCABULARY, size=length).astype(np.uint16)
    return RandomBlockStreams(tokens, STREAMS, BASE, first_context=0)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_rate_of_a_step_is_scaled_by_its_length_and_put_back(
    tmp_path: Path, accumulate: int
) -> None:
    run = trainer(
        tmp_path,
        train_dataset=random_blocks(),
        num_train_epochs=1,
        learning_rate=0.5,
        gradient_accumulation_steps=accumulate,
        logging_steps=1,
    )
    used: list[float] = []
    optimizer = run.create_optimizer()
    step = optimizer.step

    def watched(*args: Any, **kwargs: Any) -> Any:
        used.append(optimizer.param_groups[0]["lr"])
        return step(*args, **kwargs)

    optimizer.step = watched  # type: ignore[method-assign]
    run.train()
    lengths = np.diff(run.train_dataset.borders) / BASE
    groups = [lengths[i : i + accumulate] for i in range(0, len(lengths), accumulate)]
    assert used == pytest.approx([0.5 * group.mean() for group in groups])
    assert len(set(used)) > 1
    rates = [entry["learning_rate"] for entry in run.state.log_history if "loss" in entry]
    assert rates == [0.5] * len(groups)


def test_training_equals_a_plain_loop(tmp_path: Path) -> None:
    data, model = random_blocks(), tiny_model().train()
    state: tuple[Tensor, ...] | None = None
    for block in range(data.num_blocks):
        rows = data.__getitems__(range(block * STREAMS, (block + 1) * STREAMS))
        ids, labels = (torch.stack([r[n] for r in rows]) for n in ("input_ids", "shift_labels"))
        hidden, state = model.model.layers[0](model.model.embed_tokens(ids), state)
        state = tuple(component[:, -1].detach() for component in state)
        loss = nn.functional.cross_entropy(model.lm_head(hidden).flatten(0, 1), labels.flatten())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * ids.shape[1] / BASE * parameter.grad
    run = trainer(tmp_path, train_dataset=random_blocks(), num_train_epochs=1)
    run.train()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stop_at", [5, 15])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, stop_at: int
) -> None:
    settings: dict[str, Any] = {"save_strategy": "steps", "save_steps": stop_at}
    settings |= {"optim": "adamw_torch", "learning_rate": 0.01}

    def fresh(folder: str) -> Any:
        model = tiny_model(output_dropout=0.5)
        return trainer(tmp_path / folder, model, train_dataset=random_blocks(), **settings)

    whole = fresh("whole")
    whole.train()
    torch.manual_seed(99)
    resumed = fresh("resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{stop_at}"))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("model_type: lmcourse_transformer\n  max_position_embeddings: 64", "models that carry"),
        ("model_type: lmcourse_bigram_mlp", "models that carry"),
    ],
)
def test_models_and_data_without_streams_are_refused(
    model: str, message: str, tmp_path: Path
) -> None:
    text, yaml = tmp_path / "text.txt", tmp_path / "tiny.yaml"
    text.write_text("so it goes\n" * 200)
    batches = "batches: bigrams, " if "bigram" in model else ""
    data = f"{{{batches}corpus: {text}, random_block_length: true, cache_dir: {tmp_path}/c}}"
    yaml.write_text(f"# Tiny.\nmodel:\n  {model}\ndata: {data}\n")
    settings = read_settings([str(yaml), "--output_dir", str(tmp_path / "run")])
    with pytest.raises(LmcourseError, match=message):
        prepare_run(settings, ["lmcourse"])


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_a_saved_state_is_loaded_on_whatever_a_process_calls_its_device(
    device: str, tmp_path: Path
) -> None:
    model, ids = tiny_model().eval(), torch.arange(8).view(2, 4)
    path, cuts = tmp_path / "checkpoint" / "state_0.safetensors", {"num_streams": 2}
    with torch.no_grad():
        cache = model(ids, use_cache=True).past_key_values
        save_carried_state(cache, path, cuts)
        loaded = load_carried_state(path, model, "past_key_values", torch.device(device), cuts)
        expected = model(ids, past_key_values=cache).logits
        assert torch.equal(model(ids, past_key_values=loaded).logits, expected)


def test_a_state_that_an_earlier_version_saved_is_loaded(tmp_path: Path) -> None:
    model, ids = tiny_model().eval(), torch.arange(8).view(2, 4)
    path, cuts = tmp_path / "state_0.safetensors", {"num_streams": 2}
    with torch.no_grad():
        cache: Any = model(ids, use_cache=True).past_key_values
        tensors = {f"0.{n}": tensor for n, tensor in enumerate(cache.layers[0].states)}
        save_file(tensors, path)
        path.with_suffix(".json").write_text('{"length": 4, "cuts": {"num_streams": 2}}')
        loaded = load_carried_state(path, model, "past_key_values", torch.device("cpu"), cuts)
        assert loaded.get_seq_length() == 4
        expected = model(ids, past_key_values=cache).logits
        assert torch.equal(model(ids, past_key_values=loaded).logits, expected)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 3), (2, 6), (6, 2), (3, 3)])
def test_other_processes_read_the_states_of_their_own_streams(
    before: int, after: int, tmp_path: Path
) -> None:
    model, ids = tiny_model().eval(), torch.arange(6 * 4).view(6, 4) % VOCABULARY
    cuts, cpu = {"num_streams": 6, "block_length": 4}, torch.device("cpu")
    paths = [tmp_path / f"stream_state_{process}.safetensors" for process in range(6)]
    with torch.no_grad():
        for path, rows in zip(paths, ids.chunk(before), strict=False):
            cache = model(rows, use_cache=True).past_key_values
            save_carried_state(cache, path, {**cuts, "processes": before})
        for path, rows in zip(paths, ids.chunk(after), strict=False):
            now = {**cuts, "processes": after}
            loaded = load_carried_state(path, model, "past_key_values", cpu, now)
            cache = model(rows, use_cache=True).past_key_values
            expected = model(rows, past_key_values=cache).logits
            torch.testing.assert_close(model(rows, past_key_values=loaded).logits, expected)


def test_the_file_of_a_process_that_is_missing_is_named(tmp_path: Path) -> None:
    model, cuts = tiny_model().eval(), {"num_streams": 2, "block_length": 4, "processes": 2}
    path = tmp_path / "stream_state_0.safetensors"
    cache = model(torch.zeros(1, 4, dtype=torch.long), use_cache=True).past_key_values
    save_carried_state(cache, path, cuts)
    one = {**cuts, "processes": 1}
    with pytest.raises(LmcourseError, match=r"stream_state_1.safetensors"):
        load_carried_state(path, model, "past_key_values", torch.device("cpu"), one)
