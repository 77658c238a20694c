"""There is a place for cached files on every machine, and it is the home folder if there is one."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse import cache_folder as module
from hf_lmcourse.cache_folder import cache_folder, give_libraries_a_cache, make_cache_folder

VARIABLES = (
    *("HF_HOME", "HF_MODULES_CACHE", "HF_METRICS_CACHE", "HF_DATASETS_CACHE", "MPLCONFIGDIR"),
    *("LMCOURSE_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
NO_HOMES = ("~", "/proc", "/dev/null", "FILE")
"""What HOME may be: `~` has the same effect as a user whom the system does not know."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "FILE").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in VARIABLES:
        monkeypatch.setenv(name, "to be restored")
        monkeypatch.delenv(name)
    module._temporary_cache.cache_clear()


def set_home(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / home) if home.isalpha() else home)


def test_with_a_home_nothing_is_set_or_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_home("home", tmp_path, monkeypatch)
    give_libraries_a_cache()
    assert not [name for name in VARIABLES if name in os.environ]
    assert cache_folder() == tmp_path / "home/.cache/hf_lmcourse"
    assert not list((tmp_path / "home").iterdir()) and not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("home", NO_HOMES)
def test_without_a_home_every_cache_is_in_one_temporary_folder_that_is_said_once(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_home(home, tmp_path, monkeypatch)
    with caplog.at_level(logging.WARNING):
        give_libraries_a_cache()
        folder = make_cache_folder()
    (place,) = (tmp_path / "tmp").iterdir()
    assert folder.is_dir() and folder.parent == place
    assert len(caplog.records) == 1 and str(place) in caplog.text
    for name in ("HF_HOME", "MPLCONFIGDIR"):  # the others are in HF_HOME by default
        assert Path(os.environ[name]).is_relative_to(place)


def test_models_that_are_in_a_home_that_cannot_be_written_to_are_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "home/.cache/huggingface/hub"
    hub.mkdir(parents=True)
    set_home("home", tmp_path, monkeypatch)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    give_libraries_a_cache()
    assert "HF_HOME" not in os.environ
    assert Path(os.environ["HF_MODULES_CACHE"]).is_relative_to(tmp_path / "tmp")


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_home("~", tmp_path, monkeypatch)
    for name in VARIABLES:
        monkeypatch.setenv(name, str(tmp_path / name))
    give_libraries_a_cache()
    assert [os.environ[name] for name in VARIABLES] == [str(tmp_path / n) for n in VARIABLES]
    assert cache_folder() == tmp_path / "LMCOURSE_CACHE"
    assert cache_folder(tmp_path / "chosen") == tmp_path / "chosen"


@pytest.mark.parametrize("name", ["~nobody of that name/cache", "a\0b"])
def test_what_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(LmcourseError, match="--cache_dir"):
        cache_folder(name)


def test_a_temporary_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_home("~", tmp_path, monkeypatch)
    planted = tmp_path / "tmp" / f"hf_lmcourse-{os.geteuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    folder = make_cache_folder()
    assert folder.parent.parent == tmp_path / "tmp" and folder.parent != planted


@pytest.mark.slow
def test_a_metric_without_a_home_leaves_the_working_directory_alone(tmp_path: Path) -> None:
    code = (
        "from hf_lmcourse.metrics import load_metric\n"
        "print(load_metric('label_accuracy').compute(predictions=[1], references=[1]))"
    )
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=work,
        env=kept | {"HOME": "~", "TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "1.0" in done.stdout
    assert not list(work.iterdir())
