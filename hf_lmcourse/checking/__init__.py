"""Compare a student's implementation with the package's, and identify common mistakes."""

from .checker import check_file, template
from .compare import Verdict
from .tasks import TASKS, find_task

__all__ = ["TASKS", "Verdict", "check_file", "find_task", "template"]
