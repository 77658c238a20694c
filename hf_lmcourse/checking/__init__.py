"""A student's own implementation beside ours, on random inputs, with the mistake named."""

from .checker import check_file, template
from .compare import Verdict
from .tasks import TASKS, find_task

__all__ = ["TASKS", "Verdict", "check_file", "find_task", "template"]
