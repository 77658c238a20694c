"""Compare a student's implementation with the package's, and identify common mistakes."""

from .checker import check_file, template
from .tasks import TASKS, find_task
from .verdict import Verdict

__all__ = ["TASKS", "Verdict", "check_file", "find_task", "template"]
