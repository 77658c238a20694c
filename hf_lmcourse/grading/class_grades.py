"""The grades of a class: submissions graded in parallel, and those that have not changed kept."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from typing import Any

from .. import __version__
from ..errors import LmcourseError
from .scheme import Scheme
from .scores import Score, TaskScore, score
from .submissions import Submission


@dataclass(frozen=True)
class Grade:
    """The score of a student, and what it was made from.

    Attributes:
        student: The name of the student.
        score: The points.
        identity: A hash of the submission, the points, the seed, the time limit and the version of
            this package; `None` for what is not to be kept.
        kept: Whether the score is that of an earlier run.
    """

    student: str
    score: Score
    identity: str | None
    kept: bool = False

    @property
    def without_hints(self) -> "Grade":
        """The grade without what helps to correct the work."""
        tasks = {name: TaskScore(task.points) for name, task in self.score.tasks.items()}
        return replace(self, score=replace(self.score, tasks=tasks))

    @property
    def record(self) -> dict[str, Any]:
        """The grade as JSON."""
        score = {"score": self.score.total, **asdict(self.score)}
        return {"student": self.student, "identity": self.identity, **score}


def grade_of(record: Mapping[str, Any]) -> Grade:
    """Return the grade that a record is of.

    Raises:
        LmcourseError: It is not a record of a grade.
    """
    try:
        tasks = {name: TaskScore(**task) for name, task in record["tasks"].items()}
        found = Score(tasks, record["message"], record["isolated"])
        return Grade(record["student"], found, record["identity"], kept=True)
    except (KeyError, TypeError, AttributeError) as error:
        raise LmcourseError("this is not the record of a grade") from error


def grade_class(
    submissions: Sequence[Submission],
    scheme: Scheme,
    *,
    time_limit: float,
    processes: int,
    earlier: Mapping[str, Grade],
) -> Generator[Grade, None, None]:
    """Grade submissions in parallel, and yield each grade as it is found.

    Args:
        submissions: The submissions.
        scheme: The points.
        time_limit: Seconds for the import of a file, and for each task.
        processes: Submissions that run at a time.
        earlier: Grades by student; those whose identity is still the same are kept.
    """

    def grade(submission: Submission) -> Grade:
        return _grade(submission, scheme, time_limit, earlier.get(submission.student))

    pool = ThreadPoolExecutor(processes)
    try:
        waiting: list[Future[Grade]] = [pool.submit(grade, one) for one in submissions]
        yield from (future.result() for future in as_completed(waiting))
    finally:
        pool.shutdown(cancel_futures=True)


def _grade(
    submission: Submission, scheme: Scheme, time_limit: float, earlier: Grade | None
) -> Grade:
    """Grade a submission; no exception of any kind is raised, so that the others are graded too."""
    try:
        identity = _identity(submission, scheme, time_limit)
        if earlier is not None and earlier.identity == identity:
            return earlier
        return Grade(submission.student, score(submission, scheme, time_limit), identity)
    except Exception as error:
        message = f"could not be graded: {type(error).__name__}: {error}"
        nothing = {
            name: TaskScore(dict.fromkeys(parts, 0)) for name, parts in scheme.points.items()
        }
        return Grade(submission.student, Score(nothing, message), None)


def _identity(submission: Submission, scheme: Scheme, time_limit: float) -> str:
    made_from = [
        submission.content_hash(),
        asdict(scheme),
        scheme.seed(submission.student),
        time_limit,
        __version__,
    ]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
