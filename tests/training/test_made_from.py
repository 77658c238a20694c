"""What differs between a checkpoint and the run that resumes it is named, or taken by name."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hf_lmcourse import CharacterTokenizer
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.checkpoint_record import RECORD
from hf_lmcourse.training.made_from import DECISIVE
from hf_lmcourse.training.trainer import StreamTrainer

from .resumed_runs import DROPOUT, SETTINGS, assert_identical, fresh, refusal
from .test_trainer import VOCABULARY, streams, tiny_model, trainer


def other_tokens() -> ContiguousStreams:
    """As many tokens as `streams`, the last one another."""
    data = streams()
    data.tokens = np.append(data.tokens[:-1], (data.tokens[-1] + 1) % VOCABULARY)
    return data


def with_text(folder: Path, train: Any = None, validation: Any = None) -> StreamTrainer:
    run = fresh(folder, train_dataset=train)
    run.eval_dataset = validation or run.eval_dataset
    return run


def with_tokenizer(folder: Path, characters: str) -> StreamTrainer:
    run = fresh(folder)
    run.processing_class = CharacterTokenizer.train(characters)
    return run


def with_model(folder: Path, **changes: Any) -> StreamTrainer:
    return trainer(folder, tiny_model(**DROPOUT | changes), **SETTINGS)


OTHERS: dict[str, Any] = {
    "training text": lambda folder: with_text(folder, train=other_tokens()),
    "validation text": lambda folder: with_text(folder, validation=streams(103)),
    "output_dropout 0.5, not 0.4": lambda folder: with_model(folder, output_dropout=0.4),
    "learning_rate 0.01, not 0.02": lambda folder: fresh(folder, learning_rate=0.02),
    "optim adamw_torch, not sgd": lambda folder: fresh(folder, optim="sgd"),
    "weight_decay 0.1, not 0.0": lambda folder: fresh(folder, weight_decay=0.0),
    "lr_scheduler_type linear, not step": lambda folder: fresh(
        folder, lr_scheduler_type="step", step_decay_every=2
    ),
    "max_grad_norm 1.0, not 0.0": lambda folder: fresh(folder, max_grad_norm=0.0),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_has_changed_is_named_and_taken_only_if_the_user_says_so(
    what: str, checkpoint: Path, tmp_path: Path
) -> None:
    run = OTHERS[what](tmp_path)
    message = refusal(run, checkpoint)
    assert what in message
    run.args.resume_changes = message.partition("--resume_changes ")[2].split()
    run.train(resume_from_checkpoint=str(checkpoint))
    assert run.state.global_step == 8
    assert len(run.changes) == len(run.args.resume_changes)
    assert all(change.endswith(" after step 5") for change in run.changes)
    later = json.loads((tmp_path / "checkpoint-8" / RECORD).read_text())
    assert later["changes"] == run.changes
    assert later["made_from"] == run.made_from


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 7}, "seed 42, not 7"),
        ({"weight_averaging": "ema"}, "weight_averaging no, not ema"),
        ({"gradient_accumulation_steps": 2}, "gradient_accumulation_steps 1"),
    ],
)
def test_what_a_resumed_run_cannot_change_is_refused_even_by_name(
    changes: dict[str, Any], what: str, checkpoint: Path, tmp_path: Path
) -> None:
    run = fresh(tmp_path, **changes)
    assert what in refusal(run, checkpoint)
    run.args.resume_changes = list(changes)
    assert "cannot be changed" in refusal(run, checkpoint)


def test_a_tokenizer_with_other_characters_is_refused(tmp_path: Path) -> None:
    first = with_tokenizer(tmp_path, "hello one two")
    first.train()
    checkpoint = tmp_path / "checkpoint-5"
    assert "tokenizer" in refusal(with_tokenizer(tmp_path / "on", "hellz zne twz"), checkpoint)
    again = with_tokenizer(tmp_path / "on", "hello one two")
    again.train(resume_from_checkpoint=str(checkpoint))
    assert_identical(again, first)


def test_a_misspelled_name_is_refused_with_the_nearest_one(
    checkpoint: Path, tmp_path: Path
) -> None:
    run = fresh(tmp_path, learning_rate=0.02, resume_changes=["lerning_rate"])
    assert "did you mean 'learning_rate'" in refusal(run, checkpoint)


MAY_CHANGE: dict[str, Any] = {
    "max_steps": 11,
    "logging_steps": 3,
    "save_steps": 2,
    "eval_strategy": "steps",
    "per_device_eval_batch_size": 2,
    "save_total_limit": 1,
    "max_training_seconds": None,
    "sample_length": 3,
    "patience": None,
    "results_dir": "elsewhere",
}


def test_how_long_a_run_lasts_and_what_it_reports_may_change(
    checkpoint: Path, tmp_path: Path
) -> None:
    run = fresh(tmp_path, **MAY_CHANGE)
    run.eval_dataset = streams(101, num_streams=2)
    run.train(resume_from_checkpoint=str(checkpoint))
    assert run.state.global_step == 11
    assert run.changes == []


FREE = set(
    """
    activation_checkpointing activation_checkpointing_kwargs auto_find_batch_size
    batch_eval_metrics bf16_full_eval dataloader_in_order dataloader_multiprocessing_context
    dataloader_num_workers dataloader_persistent_workers dataloader_pin_memory
    dataloader_prefetch_factor ddp_backend ddp_broadcast_buffers ddp_bucket_cap_mb
    ddp_find_unused_parameters ddp_static_graph ddp_timeout debug deepspeed disable_tqdm do_eval
    do_predict do_train enable_jit_checkpoint eval_accumulation_steps eval_delay
    eval_do_concat_batches eval_on_start eval_steps eval_strategy eval_use_gather_object
    fp16_full_eval fsdp fsdp_config full_determinism gradient_checkpointing
    gradient_checkpointing_kwargs greater_is_better hub_always_push hub_model_id hub_private_repo
    hub_revision hub_strategy hub_token ignore_data_skip include_for_metrics
    include_num_input_tokens_seen label_names length_column_name liger_kernel_config
    load_best_model_at_end local_rank log_level log_level_replica log_on_each_node
    logging_first_step logging_nan_inf_filter logging_steps logging_strategy max_steps
    max_training_seconds metric_for_best_model num_train_epochs output_dir parallelism_config
    patience per_device_eval_batch_size prediction_loss_only project push_to_hub rank_contexts
    remove_unused_columns report_to restore_callback_states_from_checkpoint results_dir
    resume_changes resume_from_checkpoint run_name sample_length sample_prompt save_on_each_node
    save_only_model save_steps save_strategy save_total_limit skip_memory_metrics torch_compile
    torch_compile_backend torch_compile_mode torch_empty_cache_steps trackio_bucket_id
    trackio_space_id trackio_static_space_id use_cache use_cpu use_liger_kernel
    """.split()
)
"""Settings of where, how fast, how long and with which reports; a resumed run may change them."""

CUTS = {"per_device_train_batch_size", "gradient_accumulation_steps"}
"""Settings that count the steps of an epoch; compared with the other cuts of the text."""


def test_every_setting_either_determines_the_weights_or_may_change() -> None:
    known = {f.name for f in fields(RunArguments)}
    assert known == DECISIVE | FREE | CUTS
    assert not DECISIVE & (FREE | CUTS)
