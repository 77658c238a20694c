"""Settings: defaults, then the YAML file, then the command line, and how they go wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse import GRUConfig, LmcourseError, LSTMConfig
from hf_lmcourse.runs.settings import RunSettings, last_cause, read_settings
from hf_lmcourse.training.arguments import DataArguments, RunArguments

MODEL = {"model_type": "lmcourse_lstm"}


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "tiny.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def read(folder: Path, sections: dict[str, Any], *words: str) -> RunSettings:
    sections = {**sections, "model": {**MODEL, **sections.get("model", {})}}
    return read_settings([write(folder, yaml.safe_dump(sections)), *words])


def test_defaults_then_yaml_then_command_line(tmp_path: Path) -> None:
    sections = {
        "model": {"hidden_size": 7},
        "data": {"block_length": 8},
        "training": {"seed": 9, "patience": 2},
    }
    words = ["--block_length", "18", "--seed=19"]
    settings = read(tmp_path, sections, *words)
    assert isinstance(settings.config, LSTMConfig)
    assert settings.config.hidden_size == 7
    assert settings.config.num_hidden_layers == LSTMConfig().num_hidden_layers
    assert settings.data.block_length == 18
    assert settings.data.corpus == DataArguments().corpus
    assert (settings.training.seed, settings.training.patience) == (19, 2)
    assert settings.training.save_total_limit == RunArguments().save_total_limit


def test_the_file_gives_the_run_its_name_and_folder(tmp_path: Path) -> None:
    settings = read(tmp_path, {})
    assert settings.name == "tiny"
    assert settings.config_file == str(tmp_path / "tiny.yaml")
    assert settings.training.output_dir == "runs/tiny"


@pytest.mark.parametrize("folder", ["elsewhere", "runs/run"])
def test_a_folder_that_is_named_is_taken(folder: str, tmp_path: Path) -> None:
    assert read(tmp_path, {}, "--output_dir", folder).training.output_dir == folder
    in_file = read(tmp_path, {"training": {"output_dir": folder}})
    assert in_file.training.output_dir == folder


@pytest.mark.parametrize("text", ["2e-3", "2.0e-3", "0.002", "'2e-3'", "2E-03"])
def test_floats_may_be_written_in_any_way(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"model: {MODEL}\ntraining:\n  learning_rate: {text}\n")
    assert read_settings([path]).training.learning_rate == 0.002


def test_floats_inside_a_field_are_numbers_too(tmp_path: Path) -> None:
    text = "lr_scheduler_type: cosine_with_min_lr\n  lr_scheduler_kwargs: {min_lr: 1e-4, mode: a}"
    path = write(tmp_path, f"model: {MODEL}\ntraining:\n  {text}\n")
    expected = {"min_lr": 1e-4, "mode": "a"}
    assert read_settings([path]).training.lr_scheduler_kwargs == expected


def test_whole_numbers_will_do_for_fractions(tmp_path: Path) -> None:
    settings = read(tmp_path, {"model": {"hidden_dropout": 0}, "training": {"max_grad_norm": 1}})
    assert (settings.config.hidden_dropout, settings.training.max_grad_norm) == (0, 1)


def test_lists_and_nothing_can_be_written(tmp_path: Path) -> None:
    sections = {
        "model": {"output_layer": "adaptive", "adaptive_cutoffs": [20, 400], "embedding_size": 5},
        "training": {"save_total_limit": None, "adam_beta2": 0.99},
    }
    settings = read(tmp_path, sections)
    assert settings.config.adaptive_cutoffs == [20, 400]
    assert settings.training.save_total_limit is None
    words = ["--adaptive_cutoffs", "3", "4", "--save_total_limit", "5"]
    settings = read(tmp_path, sections, *words)
    assert settings.config.adaptive_cutoffs == [3, 4]
    assert settings.training.save_total_limit == 5


UNSET_IN_FILE = {
    "model": {"num_sampled": 40},
    "data": {"max_vocabulary": 9, "hold_out": ["a", "b"]},
    "training": {"patience": 2, "save_total_limit": 3, "lr_scheduler_kwargs": {"a": 1}},
}


@pytest.mark.parametrize("word", ["None", "null"])
@pytest.mark.parametrize("form", ["--{} {}", "--{}={}"])
def test_the_command_line_unsets_what_the_file_sets(form: str, word: str, tmp_path: Path) -> None:
    for section, values in UNSET_IN_FILE.items():
        for name in values:
            nothing = {section: {**values, name: None}}
            expected = read(tmp_path, {**UNSET_IN_FILE, **nothing})
            settings = read(tmp_path, UNSET_IN_FILE, *form.format(name, word).split(" "))
            part = "config" if section == "model" else section
            assert getattr(getattr(settings, part), name) is None
            assert settings.config.to_dict() == expected.config.to_dict()
            assert settings.data == expected.data
            assert settings.training.to_dict() == expected.training.to_dict()


def test_the_last_word_on_a_setting_counts_also_when_it_unsets(tmp_path: Path) -> None:
    words = ["--max_vocabulary", "None", "--max-vocabulary", "7"]
    assert read(tmp_path, UNSET_IN_FILE, *words).data.max_vocabulary == 7
    assert (
        read(tmp_path, UNSET_IN_FILE, *words, "--max-vocabulary=null").data.max_vocabulary is None
    )


def test_what_needs_a_value_cannot_be_unset(tmp_path: Path) -> None:
    for name in ("block_length", "hidden_size", "sample_prompt", "num_train_epochs"):
        with pytest.raises(LmcourseError, match=f"--{name} cannot be unset"):
            read(tmp_path, {}, f"--{name}", "None")
    with pytest.raises(LmcourseError, match="did you mean 'num_sampled'"):
        read(tmp_path, {}, "--num_samplde", "None")


def test_a_text_in_the_file_may_be_the_word_none(tmp_path: Path) -> None:
    settings = read(tmp_path, {"training": {"sample_prompt": "None", "run_name": "null"}})
    assert (settings.training.sample_prompt, settings.training.run_name) == ("None", "null")


def test_cutoffs_may_lie_beyond_the_default_vocabulary(tmp_path: Path) -> None:
    model = {"output_layer": "adaptive", "adaptive_cutoffs": [20_000, 60_000]}
    assert read(tmp_path, {"model": model}).config.adaptive_cutoffs == [20_000, 60_000]


def test_switches_are_on_with_or_without_a_word(tmp_path: Path) -> None:
    sections = {"data": {"random_offset": True, "lowercase": True}}
    settings = read(tmp_path, sections, "--locked_dropout", "--lowercase", "false")
    assert settings.data.random_offset and settings.config.locked_dropout
    assert not settings.data.lowercase


@given(prompt=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_any_text_survives_the_file(prompt: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = read(tmp_path_factory.mktemp("yaml"), {"training": {"sample_prompt": prompt}})
    assert settings.training.sample_prompt == prompt


@pytest.mark.parametrize(
    "words",
    [
        ["--resume_from_checkpoint"],
        ["--resume_from_checkpoint", "--seed", "1"],
        ["--seed", "1", "--resume_from_checkpoint", "last"],
    ],
)
def test_to_resume_without_a_name_is_to_resume_the_last(words: list[str], tmp_path: Path) -> None:
    assert read(tmp_path, {}, *words).training.resume_from_checkpoint == "last"


def test_a_checkpoint_can_be_named(tmp_path: Path) -> None:
    settings = read(tmp_path, {}, "--resume_from_checkpoint", "some/checkpoint-5")
    assert settings.training.resume_from_checkpoint == "some/checkpoint-5"


@pytest.mark.parametrize("words", [["--model_type", "lmcourse_gru"], ["--model_type=lmcourse_gru"]])
def test_the_model_type_can_be_given_again(words: list[str], tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, {}, *words).config, GRUConfig)


@pytest.mark.parametrize("words", [[], ["--attn_implementation", "eager"]])
def test_a_model_with_attention_may_say_how_it_is_computed(
    words: list[str], tmp_path: Path
) -> None:
    sections = {"model": {"model_type": "lmcourse_transformer"}}
    config = read(tmp_path, sections, *words).config
    assert config._attn_implementation == (words[-1] if words else "sdpa")


def test_a_model_without_attention_has_nothing_to_say_of_it(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="unknown option --attn_implementation"):
        read(tmp_path, {}, "--attn_implementation", "eager")


def test_the_schedule_step_is_our_own(tmp_path: Path) -> None:
    training = read(tmp_path, {"training": {"lr_scheduler_type": "step"}}).training
    assert training.step_decay
    assert training.lr_scheduler_type == "constant"
    assert not read(tmp_path, {}).training.step_decay


BROKEN_FILES = {
    "": "must have sections",
    "- a\n- b": "must have sections",
    "model: 3": "must have sections",
    "model: {a": "is not a YAML file",
    "modle: {model_type: lmcourse_lstm}": "unknown section 'modle'.*did you mean 'model'",
    "model: {hidden_size: 3}": "name a model_type",
    "model: {model_type: lmcourse_ltsm}": "unknown model_type 'lmcourse_ltsm'.*lmcourse_lstm",
    "model: {model_type: t5}": "model_type 't5' is not a causal model",
    "model: {model_type: lmcourse_lstm, hiden_size: 3}": "'hiden_size'.*did you mean 'hidden_size'",
    "model: {model_type: lmcourse_lstm, vocab_size: 3}": "unknown key 'vocab_size'",
    "model: {model_type: lmcourse_lstm, hidden_size: }": "'hidden_size'.*has no value",
    "model: {model_type: lmcourse_lstm, hidden_size: wide}": "--hidden_size.*'wide'",
    "model: {model_type: lmcourse_lstm, hidden_size: [1, 2]}": "'2'",
    "model: {model_type: lmcourse_lstm, output_layer: tide}": "--output_layer.*'tide'.*'tied'",
    "model: {model_type: lmcourse_lstm, output_dropout: 2}": "output_dropout must be .* below 1",
    "model: {model_type: lmcourse_lstm}\ndata: {corpsu: x}": "'corpsu'.*did you mean 'corpus'",
    "model: {model_type: lmcourse_lstm}\ndata: {block_length: 1.5}": "--block_length.*'1.5'",
    "model: {model_type: lmcourse_lstm}\ndata: {seed: 1}": "unknown key 'seed' in section 'data'",
    "model: {model_type: lmcourse_lstm}\ntraining: {lr: 1}": "unknown key 'lr'",
    "model: {model_type: lmcourse_lstm}\ntraining: {save_strategy: steps}": "save and eval",
    "model: {model_type: lmcourse_lstm}\ntraining: {eval_strategy: daily}": "daily is not a valid",
}


@pytest.mark.parametrize("text", BROKEN_FILES)
def test_a_broken_file_is_reported_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match=BROKEN_FILES[text]) as raised:
        read_settings([write(tmp_path, text)])
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="is not a YAML file"):
        read_settings([write(tmp_path, b"\xff\xfe\x00")])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match=r"cannot read .*nothing\.yaml: No such file"):
        read_settings([str(tmp_path / "nothing.yaml")])


@pytest.mark.parametrize("words", [[], ["--seed", "1"]])
def test_the_file_comes_first(words: list[str]) -> None:
    with pytest.raises(LmcourseError, match="name a recipe or a YAML file first"):
        read_settings(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lerning_rate", "1"], "unknown option --lerning_rate: did you mean 'learning_rate'"),
        (["--hiden_size=1"], "unknown option --hiden_size: did you mean 'hidden_size'"),
        (["--learning_rat", "1"], "unknown option --learning_rat:"),
        (["--qqqq"], "unknown option --qqqq$"),
        (["stray"], "cannot place 'stray'"),
        (["--learning_rate", "fast"], "--learning_rate.*'fast'"),
        (["--learning_rate"], "--learning_rate.*expected one argument"),
        (["--model_type"], "--model_type.*expected one argument"),
    ],
)
def test_a_wrong_option_is_reported_with_the_nearest(
    words: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(LmcourseError, match=message) as raised:
        read(tmp_path, {}, *words)
    assert "\n" not in str(raised.value)


def test_the_last_cause_is_what_an_error_began_with() -> None:
    try:
        try:
            raise ValueError("the\n  cause")
        except ValueError as error:
            raise RuntimeError("wrapped") from error
    except RuntimeError as error:
        assert last_cause(error) == "the cause"
