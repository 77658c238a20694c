"""What the YAML of a study asks for: points, grids, settings as the YAML of a run has them."""

from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.studies.study_file import point_settings, read_study

BASE = """\
model:
  model_type: lmcourse_lstm
  num_sampled: 10
data:
  block_length: 16
"""
STUDY = """\
base: base.yaml
fixed: {hidden_dropout: 0.1}
vary:
  num_hidden_layers: [1, 2]
seeds: [1, 2]
metric: perplexity
"""
GRID = """\
base: base.yaml
vary:
  optimizer:
    SGD: {optim: sgd, learning_rate: 20}
    Adam:
  hidden_size: [4, 8, 16]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "depth.yaml").write_text(STUDY)
    return tmp_path / "depth.yaml"


def test_the_points_are_all_variants_seed_by_seed(path: Path) -> None:
    study = read_study(str(path))
    assert (study.name, study.metric) == ("depth", "perplexity")
    assert study.factors == {"num_hidden_layers": ["1", "2"]}
    assert [(p.variant, p.seed) for p in study.points] == [
        ("1", 1), ("2", 1), ("1", 2), ("2", 2),
    ]  # fmt: skip
    assert study.points[1].overrides == {"hidden_dropout": 0.1, "num_hidden_layers": 2}


def test_variants_have_names_and_settings_of_their_own(path: Path) -> None:
    path.write_text("base: base.yaml\nvariants:\n  plain: {}\n  deep: {num_hidden_layers: 3}\n")
    study = read_study(str(path))
    assert study.factors == {"variant": ["plain", "deep"]}
    assert [(p.variant, p.overrides) for p in study.points] == [
        ("plain", {}),
        ("deep", {"num_hidden_layers": 3}),
    ]


def test_two_factors_are_a_grid_of_each_level_with_each(path: Path) -> None:
    path.write_text(GRID)
    study = read_study(str(path))
    assert study.factors == {"optimizer": ["SGD", "Adam"], "hidden_size": ["4", "8", "16"]}
    variants = [f"{optimizer}, {size}" for optimizer in ("SGD", "Adam") for size in (4, 8, 16)]
    assert [p.variant for p in study.points] == variants
    assert study.points[1].overrides == {"optim": "sgd", "learning_rate": 20, "hidden_size": 8}
    assert study.points[5].overrides == {"hidden_size": 16}
    assert len({p.name for p in study.points}) == 6


def test_settings_are_written_as_in_the_yaml_of_a_run(path: Path, tmp_path: Path) -> None:
    path.write_text(
        "base: base.yaml\nvariants:\n"
        "  adaptive: {output_layer: adaptive, adaptive_cutoffs: [5, 9], num_sampled: null}\n"
        "  cosine: {lr_scheduler_kwargs: {min_lr_rate: 1e-1}, model_type: lmcourse_gru}\n"
    )
    study = read_study(str(path))
    adaptive, cosine = (point_settings(study, point, tmp_path) for point in study.points)
    assert adaptive.config.adaptive_cutoffs == [5, 9]
    assert adaptive.config.num_sampled is None, "not what the base has"
    assert cosine.config.num_sampled == 10
    assert cosine.config.model_type == "lmcourse_gru"
    assert cosine.training.lr_scheduler_kwargs == {"min_lr_rate": 0.1}
    assert cosine.training.output_dir == str(tmp_path / "points" / "cosine-seed42")


def test_what_the_command_line_says_wins(path: Path, tmp_path: Path) -> None:
    study = read_study(str(path))
    settings = point_settings(study, study.points[0], tmp_path, ("--hidden_dropout", "0.3"))
    assert (settings.config.hidden_dropout, settings.data.block_length) == (0.3, 16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{num_hiden_layers: 2}", "unknown option --num_hiden_layers.* 'num_hidden_layers'"),
        ("{learning_rate: null}", "key 'learning_rate' in section 'training' .* has no value"),
        ("{hidden_size: wide}", "hidden_size.*'wide'"),
    ],
)
def test_a_setting_that_a_run_does_not_have_is_reported(
    settings: str, message: str, path: Path
) -> None:
    path.write_text(f"base: base.yaml\nvariants:\n  wrong: {settings}\n")
    study = read_study(str(path))
    with pytest.raises(LmcourseError, match=message):
        point_settings(study, study.points[0], path.parent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: base.yaml\n", "needs a base, and one of vary and variants"),
        ("base: b\nvary: {a: [1]}\nvariants: {a: {}}\n", "one of vary and variants"),
        ("base: b\nvary: {a: 1}\n", "a in .* must be a list of values, or names with the settings"),
        ("base: b\nvary: {a: {x: 1}}\n", "must be a list of values, or names with the settings"),
        ("base: b\nvary: {a: [1], b: []}\n", "b in .* must be a list of values"),
        ("base: b\nvary: {a: [1], b: [1], c: [1]}\n", "one factor, or two for a grid"),
        ("base: b\nvariants: [1, 2]\n", "variants in .* must be names with the settings of each"),
        (STUDY + "curves_by: hours\n", "curves_by in .* must be seconds or epoch, not .hours."),
        ("base: b\nvarry: {a: [1]}\n", "is not a study .varry.: the keys are base, fixed"),
        ("[1, 2", "is not a YAML file"),
    ],
)
def test_a_wrong_study_is_reported(text: str, message: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(LmcourseError, match=message):
        read_study(str(path))


@pytest.mark.parametrize(
    "settings",
    [
        "fixed: {hub_token: secret}\nvary: {hidden_size: [4, 8]}",
        "vary: {hub_token: [secret, other]}",
        "vary: {hidden_size: {small: {hub_token: secret}, large: {}}}",
        "variants: {a: {hub-token: 'a secret'}}",
        f"variants: {{hf_{'a' * 30}: {{}}}}",
        f"fixed: {{run_name: hf_{'a' * 30}}}\nvary: {{hidden_size: [4, 8]}}",
    ],
)
def test_an_access_token_is_refused_and_not_repeated(settings: str, path: Path) -> None:
    path.write_text(f"base: base.yaml\n{settings}\n")
    with pytest.raises(LmcourseError, match="access token") as error:
        read_study(str(path))
    assert "secret" not in str(error.value) and "aaaa" not in str(error.value)


def test_no_token_is_no_secret(path: Path) -> None:
    path.write_text("base: base.yaml\nfixed: {hub_token: null}\nvary: {push_to_hub: [false]}\n")
    assert len(read_study(str(path)).points) == 1
