"""Which files are a student's, and what changes the hash of a submission."""

import ast
import os
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.grading.submissions import (
    Submission,
    find_submissions,
    names_in,
    single_submission,
)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_or_a_folder_is_a_submission(tmp_path: Path) -> None:
    for name in ("zoe.py", "anna/a.py", "anna/b.txt", "points.yaml", ".git/c.py", "__MACOSX/d.py"):
        write(tmp_path / name)
    found = find_submissions(tmp_path)
    assert [one.student for one in found] == ["anna", "zoe"]
    assert [one.programs() for one in found] == [[tmp_path / "anna/a.py"], [tmp_path / "zoe.py"]]


def test_a_file_and_a_folder_of_one_name_are_two_students(tmp_path: Path) -> None:
    write(tmp_path / "anna/a.py")
    write(tmp_path / "anna.py")
    assert [one.student for one in find_submissions(tmp_path)] == ["anna", "anna.py"]


def test_names_may_have_any_bytes(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/a\xffb\n")
    (found,) = find_submissions(tmp_path)
    assert found.student.encode("utf-8") == b"a\\udcffb\n"


@pytest.mark.parametrize("name", ["nothing", "empty", "file"])
def test_a_folder_without_submissions_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "file")
    with pytest.raises(LmcourseError, match=name):
        find_submissions(tmp_path / name)
    if name != "empty":
        with pytest.raises(LmcourseError, match=name):
            single_submission(tmp_path / name)


def test_links_pipes_and_adapters_are_no_programs(tmp_path: Path) -> None:
    folder = tmp_path / "anna"
    write(folder / "deep/mine.py")
    write(folder / "deep/adapters.py")
    secret = write(tmp_path / "solution.py")
    (folder / "link.py").symlink_to(secret)
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.py")
    assert Submission("anna", folder).programs() == [folder / "deep/mine.py"]


def test_the_hash_is_that_of_names_and_contents(tmp_path: Path) -> None:
    file, hashes = write(tmp_path / "anna/mine.py", "1"), []
    submission = Submission("anna", tmp_path / "anna")
    hashes.append(submission.content_hash())
    write(file, "1")
    assert submission.content_hash() == hashes[0]
    write(file, "2")
    hashes.append(submission.content_hash())
    file.rename(file.with_name("yours.py"))
    hashes.append(submission.content_hash())
    write(tmp_path / "anna/adapters.py")
    hashes.append(submission.content_hash())
    assert len(set(hashes)) == 4


def test_names_are_those_that_a_file_may_define() -> None:
    source = (
        "from a import gru_step as g, lstm_step\nclass LayerNorm: pass\ndef tf_idf(): pass\n"
        "beam_search = g\nprint(perplexity)"
    )
    names = names_in(ast.parse(source))
    assert {"lstmstep", "layernorm", "tfidf", "beamsearch", "g"} <= names
    assert not {"grustep", "perplexity"} & names
