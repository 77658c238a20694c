"""The published configurations can all be read."""

from pathlib import Path

import pytest

from hf_lmcourse.data import load_corpus
from hf_lmcourse.data.corpora import CORPORA
from hf_lmcourse.data.labelled import LABELLED_CORPORA
from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.studies.study_file import point_settings, read_study

FILES = sorted(Path(__file__).parents[1].joinpath("configs").glob("*.yaml"))
STUDIES = sorted(Path(__file__).parents[1].joinpath("configs", "studies").glob("*.yaml"))


def test_there_are_configurations() -> None:
    assert "quickstart" in [path.stem for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_configuration_can_be_read(path: Path) -> None:
    settings = read_settings([str(path)])
    assert settings.name == path.stem
    assert settings.config.model_type in (*MODEL_TYPES, "gpt2", "mamba2")
    assert settings.data.corpus in ("cpython-docs", *CORPORA, *LABELLED_CORPORA)
    assert settings.training.output_dir == f"runs/{path.stem}"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_each_study_can_be_read_with_all_its_points(path: Path) -> None:
    study = read_study(str(path))
    assert study.points
    for point in study.points:
        settings = point_settings(study, point, Path("runs"))
        assert settings.training.seed == point.seed


@pytest.mark.parametrize("path", FILES + STUDIES, ids=lambda path: path.stem)
def test_each_configuration_begins_with_its_purpose(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_quick_start_needs_no_network() -> None:
    path = next(path for path in FILES if path.stem == "quickstart")
    assert load_corpus(read_settings([str(path)]).data.corpus).source == "embedded"
