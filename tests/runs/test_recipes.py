"""The recipes of the package, found by name from anywhere."""

from dataclasses import replace
from pathlib import Path

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from hf_lmcourse import LmcourseError
from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.runs.recipes import find_config, recipe_text, recipes, studies
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.studies.study_file import point_settings, read_study

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder without `configs/`, as somebody does who has installed a wheel."""
    monkeypatch.chdir(tmp_path)


def test_every_configuration_is_a_recipe_with_its_published_result() -> None:
    found = {recipe.name: recipe for recipe in recipes()}
    assert list(found) == sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    for recipe in found.values():
        assert recipe.model_type in {*MODEL_TYPES, *MODEL_FOR_CAUSAL_LM_MAPPING_NAMES}
        if recipe.result is not None:
            assert recipe.result.config == f"configs/{recipe.name}.yaml"
            assert recipe.result.model_type == recipe.model_type
    published = found["lstm_tiny_shakespeare"].result
    assert published is not None and published.metrics["validation"]["bits_per_character"] < 2.2


def test_every_study_has_a_question_of_one_sentence() -> None:
    found = studies()
    assert sorted(found) == sorted(path.stem for path in CONFIGS.glob("studies/*.yaml"))
    assert found["dan_depth"] == "How many hidden layers are best?"
    assert all(question[-1] in ".?" and "\n" not in question for question in found.values())


@pytest.mark.parametrize("given", ["quickstart", "configs/quickstart.yaml", "quickstart.yaml"])
def test_a_recipe_is_found_by_its_name_and_by_its_path_in_the_repository(given: str) -> None:
    path, recorded = find_config(given)
    assert Path(path).read_text() == (CONFIGS / "quickstart.yaml").read_text()
    assert recorded == "configs/quickstart.yaml"


def test_the_path_of_a_recipe_is_recorded_relative_to_the_repository() -> None:
    path = CONFIGS / "studies" / ".." / "dan_imdb.yaml"
    assert find_config(str(path)) == (str(path), "configs/dan_imdb.yaml")


def test_a_file_comes_before_a_recipe_of_its_name(tmp_path: Path) -> None:
    for given in ("quickstart", "configs/quickstart.yaml"):
        Path(given).parent.mkdir(exist_ok=True)
        Path(given).write_text("model: {}\n")
        assert find_config(given) == (given, given)


def test_a_folder_does_not_hide_a_recipe() -> None:
    Path("quickstart").mkdir()
    assert find_config("quickstart")[1] == "configs/quickstart.yaml"


def test_a_path_of_something_else_is_left_as_it_is() -> None:
    for given in ("/dev/stdin", "mine/own.yaml", "own.yaml"):
        assert find_config(given) == (given, given)


@pytest.mark.parametrize(
    ("given", "folder", "hint"),
    [
        ("lstm_tiny_shakespear", "", "lstm_tiny_shakespeare"),
        ("dan_dept", "studies", "dan_depth"),
        ("qqqq", "", "lmcourse recipes"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(
    given: str, folder: str, hint: str
) -> None:
    with pytest.raises(LmcourseError, match=f"{given}.*{hint}"):
        find_config(given, folder)


def test_the_text_of_a_recipe_is_that_of_its_file() -> None:
    assert recipe_text("dan_sst2") == (CONFIGS / "dan_sst2.yaml").read_text()
    with pytest.raises(LmcourseError, match="did you mean 'dan_sst2'"):
        recipe_text("dan_sst")


def test_settings_of_a_recipe_are_those_of_its_file() -> None:
    by_name = read_settings(["lstm_ptb", "--seed", "3"])
    by_path = read_settings([str(CONFIGS / "lstm_ptb.yaml"), "--seed", "3"])
    assert by_name == replace(by_path, config_path=by_name.config_path)
    assert (by_name.name, by_name.config_file) == ("lstm_ptb", "configs/lstm_ptb.yaml")


def test_a_study_is_found_by_name_with_its_base(tmp_path: Path) -> None:
    study = read_study("dan_depth")
    assert study.config_file == "configs/studies/dan_depth.yaml"
    settings = point_settings(study, study.points[0], tmp_path)
    assert settings.config_file == "configs/dan_imdb.yaml"
    assert settings.config.num_hidden_layers == 0


def test_the_base_of_a_study_may_be_a_recipe(tmp_path: Path) -> None:
    own = tmp_path / "folder" / "own.yaml"
    own.parent.mkdir()
    own.write_text("base: dan_imdb\nvary: {num_hidden_layers: [1]}\n")
    study = read_study(str(own))
    settings = point_settings(study, study.points[0], tmp_path)
    assert settings.config_file == "configs/dan_imdb.yaml"
