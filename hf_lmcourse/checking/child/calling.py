"""Call a student's function, or an instance of a student's class."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from .answers import AnswerError
from .layouts import laid_out, standard


def call(candidate: Any, task: Mapping[str, Any], sizes: Mapping[str, Any], given: Any) -> Any:
    """Call a function; or instantiate a class, set the task's parameters, and call the instance.

    Arguments and outputs are in the student's layout and order, if the task has an adapter.
    """
    adapter = task.get("adapter", {})
    arguments = adapter.get("arguments", task["arguments"])
    if not inspect.isclass(candidate):
        output = candidate(*(laid_out(name, given, task) for name in arguments))
        return standard(output, task["outputs"], adapter)
    instance: Any = candidate(*(sizes[name] for name in task["constructor"]))
    for name in task["parameters"]:
        attribute = adapter.get("attributes", {}).get(name, name)
        _set(instance, attribute, laid_out(name, given, task))
    inside = {*task["parameters"], *task["constructor"]}
    passed = (laid_out(name, given, task) for name in arguments if name not in inside)
    return standard(instance(*passed), task["outputs"], adapter)


def _set(instance: Any, attribute: str, value: Any) -> None:
    """Set an attribute; `linear.weight` is one of the attribute `linear`."""
    *owners, last = attribute.split(".")
    for owner in owners:
        instance = getattr(instance, owner, None)
    if not hasattr(instance, last):
        raise AnswerError(f"has no attribute {attribute} for the parameter")
    if isinstance(instance, torch.nn.Module):
        instance._parameters.pop(last, None)  # a tensor cannot replace a parameter
    setattr(instance, last, value)


def signature_problem(candidate: Any, name: str, task: Mapping[str, Any]) -> str | None:
    """Return a sentence if a function or class does not take the arguments of the task."""
    try:
        signature = inspect.signature(candidate)
    except (TypeError, ValueError):  # a function written in C has no signature
        return None
    wanted = task["constructor"]
    if not inspect.isclass(candidate):
        wanted = task.get("adapter", {}).get("arguments", task["arguments"])
    try:
        signature.bind(*wanted)
    except TypeError:
        return f"{name}{signature} must take ({', '.join(wanted)})"
    return None
