"""The points of one submission."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..checking import Verdict
from ..checking.adapters import FILE_NAME, Adapter, read_adapters
from ..checking.compare import judge
from ..checking.results import FileRun
from ..checking.runner import read_source, run_file, uses_numpy_alone
from ..checking.task import Case, Task
from ..errors import LmcourseError
from .scheme import Scheme
from .submissions import Submission, names_in, plain, printable

_MOST_PROGRAMS = 30


@dataclass(frozen=True)
class TaskScore:
    """The points of a task.

    Attributes:
        points: The points that were earned, by part.
        message: A sentence on what is wrong, or a remark.
        likely: The known mistakes that give exactly the student's outputs.
    """

    points: Mapping[str, float]
    message: str = ""
    likely: Sequence[str] = ()

    @property
    def total(self) -> float:
        """The points of all parts."""
        return sum(self.points.values())


@dataclass(frozen=True)
class Score:
    """The points of a submission.

    Attributes:
        tasks: The points of each task.
        message: A sentence on the submission as a whole, such as a file that cannot be run.
        isolated: Whether all files ran without a network.
    """

    tasks: Mapping[str, TaskScore] = field(default_factory=dict)
    message: str = ""
    isolated: bool = True

    @property
    def total(self) -> float:
        """The points of all tasks."""
        return sum(task.total for task in self.tasks.values())


def score(submission: Submission, scheme: Scheme, time_limit: float) -> Score:
    """Run the files of a submission and give points; whatever is wrong with it is in the score.

    Raises:
        OSError: A file cannot be read.
    """
    best: dict[str, TaskScore] = {}
    isolated = True
    cases = {task.name: task.cases(scheme.seed(submission.student)) for task in scheme.tasks}
    programs, messages = _programs(submission, scheme)
    for program in programs:
        try:
            for verdict in _verdicts(program, scheme.tasks, cases, time_limit):
                isolated = isolated and verdict.isolated
                found = _task_score(verdict, scheme.points[verdict.task])
                if verdict.task not in best or found.total > best[verdict.task].total:
                    best[verdict.task] = found
        except LmcourseError as error:
            messages.append(_without_folder(str(error), submission))
    tasks = {name: best.get(name, _missing(name, parts)) for name, parts in scheme.points.items()}
    return Score(tasks, "; ".join(messages), isolated)


def _missing(name: str, parts: Mapping[str, float]) -> TaskScore:
    return TaskScore(dict.fromkeys(parts, 0), f"there is no function {name}")


def _programs(submission: Submission, scheme: Scheme) -> tuple[list[Path], list[str]]:
    """Return the files to run, and messages on those that cannot be read.

    Among several files, those without a name of a task, such as helpers, are not run by themselves.
    """
    programs, messages = [], []
    everything = submission.programs()
    for path in everything:
        try:
            names = names_in(read_source(path))
            wanted = {plain(adapted) for adapted in _names_of_tasks(path, scheme)}
            if len(everything) == 1 or names & wanted:
                programs.append(path)
        except LmcourseError as error:
            messages.append(_without_folder(str(error), submission))
    if not everything:
        messages.append("there is no Python file")
    elif not programs and not messages:
        messages.append("no file has a function for any of the tasks")
    if len(programs) > _MOST_PROGRAMS:
        messages.append(f"of {len(programs)} files with functions {_MOST_PROGRAMS} were run")
    return programs[:_MOST_PROGRAMS], messages


def _names_of_tasks(path: Path, scheme: Scheme) -> list[str]:
    adapters = _adapters(path)
    return [str(adapters.get(name, {}).get("function", name)) for name in scheme.points]


def _adapters(path: Path) -> Mapping[str, Adapter]:
    beside = path.with_name(FILE_NAME)
    return read_adapters(beside) if beside.is_file() else {}


def _verdicts(
    path: Path, tasks: Sequence[Task], cases: Mapping[str, Sequence[Case]], time_limit: float
) -> list[Verdict]:
    """Return the verdicts on a file; after a task that does not end, it is run for the others."""
    numpy, adapters = uses_numpy_alone(read_source(path)), _adapters(path)
    verdicts, waiting = [], list(tasks)
    while waiting:
        run = run_file(
            path,
            waiting,
            cases,
            numpy=numpy,
            time_limit=time_limit,
            adapters=adapters,
            show_output=False,
        )
        done = waiting
        if run.stopped:
            names = [task.name for task in waiting]
            done = waiting[: names.index(run.stopped[0]) + 1]
        verdicts += [v for task in done if (v := _verdict(task, run, cases[task.name]))]
        waiting = waiting[len(done) :]
    return verdicts


def _verdict(task: Task, run: FileRun, cases: Sequence[Case]) -> Verdict | None:
    if task.name in run.answers:
        verdict = judge(task, cases, run.answers[task.name])
    elif task.name in run.refused:
        verdict = Verdict(task.name, None, message=run.refused[task.name])
    elif run.stopped and run.stopped[0] == task.name:
        verdict = Verdict(task.name, False, message=run.stopped[1])
    else:
        return None
    return replace(verdict, isolated=run.isolated)


def _task_score(verdict: Verdict, parts: Mapping[str, float]) -> TaskScore:
    points = {part: most if part in verdict.right else 0 for part, most in parts.items()}
    return TaskScore(points, printable(verdict.message), list(verdict.likely))


def _without_folder(message: str, submission: Submission) -> str:
    """Return a message in which files have their names in the submission."""
    folder = submission.path if submission.path.is_dir() else submission.path.parent
    return printable(message.replace(f"{folder}/", ""))
