"""Whatever a YAML file contains, its settings are read, or refused in one sentence."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.studies.study_file import read_study

few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.sampled_from(["lmcourse_lstm", "lmcourse_dan", "1e-4", "--seed", "~/x", "a\0b", "x" * 400]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [
        *(
            "model_type",
            "hidden_size",
            "num_hidden_layers",
            "output_dropout",
            "tie_word_embeddings",
        ),
        *("corpus", "hold_out", "tokenizer", "block_length", "batches", "validation_share"),
        *("seed", "learning_rate", "max_grad_norm", "lr_scheduler_kwargs", "optim", "max_steps"),
        *("output_dir", "eval_strategy", "sample_prompt", "step_decay_start", "warmup_steps"),
        *("patience", "max_training_seconds", "report_to", "log_level", "fsdp", "deepspeed"),
    ]
)
SECTIONS = st.dictionaries(NAMES, VALUES, max_size=4)
RUNS = st.fixed_dictionaries(
    {"model": st.just({"model_type": "lmcourse_lstm"}) | SECTIONS},
    optional={"data": SECTIONS, "training": SECTIONS},
)
STUDIES = st.fixed_dictionaries(
    {},
    optional={
        name: VALUES
        for name in ("base", "fixed", "vary", "variants", "seeds", "metric", "curves_by")
    },
)
TEXTS = st.text(st.sampled_from("[]{}:,-&*a!<|> \n\t'\"%@?0\0"), max_size=30)


def read_or_refuse(read: object, path: Path) -> None:
    assert callable(read)
    try:
        read(path)
    except LmcourseError as error:
        assert 0 < len(str(error)) < 300 and "\n" not in str(error)


def read_run(path: Path) -> None:
    read_settings([str(path)])


def read_study_of(path: Path) -> None:
    read_study(str(path))


@few
@given(content=RUNS | VALUES)
def test_settings_of_any_type_are_read_or_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    read_or_refuse(read_run, path)


@few
@given(content=STUDIES | VALUES)
def test_studies_of_any_type_are_read_or_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    read_or_refuse(read_study_of, path)


@few
@given(content=TEXTS.map(str.encode) | st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    read_or_refuse(read_run, path)


def of_aliases(levels: int) -> str:
    first = "a0: &a0 [" + ", ".join("x" * 10) + "]\n"
    rest = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, levels))
    return first + "".join(rest)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 500 + "]" * 500,
        "training: {seed: " + "9" * 5_000 + "}",
        of_aliases(9),
        "model: &m {model_type: *m}",
        "training: {seed: 2020-13-45}",
        "training: {fp16: !!bool perhaps}",
        "x" * 2_000_000,
    ],
    ids=lambda content: content[:12],
)
def test_what_no_parser_expects_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(LmcourseError, match=r"run\.yaml"):
        read_settings([str(path)])


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(LmcourseError, match="/dev/zero has more than"):
        read_settings(["/dev/zero"])
    with pytest.raises(LmcourseError, match="null byte"):
        read_settings(["run\0.yaml"])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
@pytest.mark.parametrize(
    "name",
    ["max_grad_norm", "weight_decay", "learning_rate", "step_decay_factor", "output_dropout"],
)
def test_a_setting_that_is_no_finite_number_is_refused(
    name: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps({"model": {"model_type": "lmcourse_lstm"}}))
    with pytest.raises(LmcourseError, match=f"{name} must be a finite number"):
        read_settings([str(path), f"--{name}={value}"])


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_out_of_range_is_refused(seed: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps({"model": {"model_type": "lmcourse_lstm"}}))
    with pytest.raises(LmcourseError, match="seed must be at least 0"):
        read_settings([str(path), "--seed", seed])
