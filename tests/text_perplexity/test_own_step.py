"""A preprocessing step of one's own, and its errors in a sentence."""

from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.text_perplexity.preprocessing import preprocessing
from hf_lmcourse.text_perplexity.texts import read_texts

MINE = """\
from helper import SHORT


def clean(text):
    return text.replace("and", SHORT)


def broken(text):
    return {}[text[:1]]


def nothing(text):
    text.upper()
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("SHORT = '&'\n")
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_function_of_a_file_is_a_step_and_part_of_a_chain(mine: Path) -> None:
    chain = preprocessing(f"lowercase,{mine}:clean,blanks")
    assert chain.apply("You AND  me") == "you & me"
    assert chain.meaning.startswith(
        "lower case; then the function clean of mine.py; then one space"
    )
    text = mine.with_name("text.txt")
    text.write_text("this and that\n")
    raw, changed = read_texts([str(text)], [preprocessing(f"{mine}:clean")])
    assert changed.content == "this & that\n" and raw.content == "this and that\n"
    assert changed.preprocessing == f"{mine}:clean" and changed.changed == pytest.approx(3 / 14)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("broken", "broken of {path} raised KeyError at line 9: 'Y'"),
        ("nothing", "nothing of {path} returned NoneType: it must return the text"),
    ],
)
def test_a_function_that_fails_is_reported_with_its_line(
    mine: Path, function: str, message: str
) -> None:
    with pytest.raises(LmcourseError) as caught:
        preprocessing(f"{mine}:{function}").apply("You")
    assert message.format(path=mine) in str(caught.value)


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (MINE, "claen", "has no function 'claen': did you mean clean?"),
        ("x = 1\n", "clean", "has no function 'clean': it has none"),
        ("\n1 / 0\n", "clean", "cannot be imported: it raised ZeroDivisionError at line 2"),
        ("\ndef (\n", "clean", "line 2 of"),
        (None, "clean", "there is no such file"),
    ],
)
def test_a_file_without_the_function_is_refused(
    mine: Path, source: str | None, name: str, message: str
) -> None:
    mine.unlink() if source is None else mine.write_text(source)
    with pytest.raises(LmcourseError, match="mine.py") as caught:
        preprocessing(f"{mine}:{name}")
    assert message in str(caught.value) and "\n" not in str(caught.value)
