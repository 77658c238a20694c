"""The file of points: what it says, and every wrong entry in a sentence."""

from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.grading.scheme import Scheme, read_scheme


def scheme(tmp_path: Path, text: str) -> Scheme:
    path = tmp_path / "points.yaml"
    path.write_text(text, encoding="utf-8")
    return read_scheme(str(path))


def test_points_and_salt_are_read(tmp_path: Path) -> None:
    read = scheme(
        tmp_path,
        "points:\n  gru_step: {values: 2, gradients: 0.5}\n  perplexity: {shapes: 1}\nsalt: 7\n",
    )
    assert read.points == {"gru_step": {"values": 2, "gradients": 0.5}, "perplexity": {"shapes": 1}}
    assert (read.salt, read.max_score) == ("7", 3.5)
    assert [task.name for task in read.tasks] == ["gru_step", "perplexity"]


def test_a_seed_is_that_of_the_student_and_the_salt() -> None:
    one, other = Scheme({}, "one"), Scheme({}, "other")
    assert one.seed("anna") == one.seed("anna")
    assert len({one.seed("anna"), one.seed("bert"), other.seed("anna"), other.seed("bert")}) == 4
    assert all(0 <= one.seed(str(number)) < 2**32 for number in range(100))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "entries"),
        ("- 1", "entries"),
        ("salt: a", "points must be entries"),
        ("points: {}", "points must be entries"),
        ("point: {gru_step: {values: 1}}", "did you mean points"),
        ("points: {gru_stp: {values: 1}}", "did you mean gru_step"),
        ("points: {gru_step: {value: 1}}", "did you mean values"),
        ("points: {gru_step: {style: 1}}", "known are values, gradients, shapes"),
        ("points: {gru_step: 5}", "gru_step must be entries"),
        ("points: {gru_step: {values: many}}", "values must be a number of points, not 'many'"),
        ("points: {gru_step: {values: yes}}", "not True"),
        ("points: {gru_step: {values: -1}}", "not -1"),
        ("points: {gru_step: {values: .nan}}", "not nan"),
        ("points: {perplexity: {gradients: 1}}", "perplexity has no gradients"),
        ("points: {gru_step: {values: 1}}\nsalt: [1]", "salt must be a text"),
        ("points: {1: {values: 1}}", "no task '1'"),
        ("points: [", "is not a YAML file"),
    ],
)
def test_a_wrong_entry_is_reported_with_the_file(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(LmcourseError, match=r"points\.yaml") as caught:
        scheme(tmp_path, text)
    assert expected in str(caught.value) and len(str(caught.value)) < 300
