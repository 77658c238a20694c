"""Marked lines are cut out of a solution, everywhere in it, and what is left is Python."""

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.assignments.blanks import solution, starter

MARKED = """\
import torch


def first(x):
    # a remark that stays
    ### BEGIN SOLUTION
    secret = x + 1
    for _ in range(3):
        secret = secret * 2
    ### END SOLUTION
    y = (x @ x).sum()  # SOLUTION
    if y > 0:
        # BEGIN SOLUTION
        y = -y
        # END SOLUTION
    return y == secret  # SOLUTION


class Second:
    def step(self, h):
        self.cells["h"]: list = [h]  # SOLUTION
        self.total += len("=")  # SOLUTION
        é = "ä" == h  # SOLUTION
"""

STARTER = """\
import torch


def first(x):
    # a remark that stays
    # YOUR CODE HERE
    raise NotImplementedError
    y = ...  # YOUR CODE HERE
    if y > 0:
        # YOUR CODE HERE
        raise NotImplementedError
    return ...  # YOUR CODE HERE


class Second:
    def step(self, h):
        self.cells["h"]: list = ...  # YOUR CODE HERE
        self.total += ...  # YOUR CODE HERE
        é = ...  # YOUR CODE HERE
"""


def test_all_marked_lines_are_cut_out_and_no_others() -> None:
    assert starter(MARKED, "a.py") == STARTER


def test_the_solution_is_the_source_without_marks() -> None:
    found = solution(MARKED)
    assert "SOLUTION" not in found
    lines = [line for line in MARKED.splitlines() if not line.strip().startswith(("### ", "# B"))]
    kept = [line.removesuffix("  # SOLUTION") for line in lines if "# END" not in line]
    assert found.splitlines() == kept


def test_only_the_ends_of_lines_of_python_are_such() -> None:
    source = 'x = "a\x0cb\u2028c"\n\x0c\ny = 3  # SOLUTION\n'
    assert starter(source, "a.py") == source.replace("3  # SOLUTION", "...  # YOUR CODE HERE")
    assert solution(source) == source.replace("  # SOLUTION", "")


def test_a_file_without_marks_stays_as_it_is() -> None:
    source = "ADAPTERS = {}\n"
    assert starter(source, "a.py") == solution(source) == source


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n# BEGIN SOLUTION\nx = 2\n", "line 2 of a.py.*no END SOLUTION"),
        ("x = 1\n# END SOLUTION\n", "line 2 of a.py.*no BEGIN SOLUTION"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION\n# END SOLUTION\n", "line 2 of a.py.*line 1"),
        ("print(3)  # SOLUTION\n", "line 1 of a.py.*assignment or return"),
        ("x = [  # SOLUTION\n]\n", "line 1 of a.py.*assignment or return"),
        ("if True:\n    pass\n  # BEGIN SOLUTION\n# END SOLUTION\n", "a.py.*not Python"),
        ("def f(:  \n", "a.py.*not Python"),
    ],
)
def test_a_wrong_mark_is_named_with_its_line(source: str, words: str) -> None:
    with pytest.raises(LmcourseError, match=words):
        starter(source, "a.py")
