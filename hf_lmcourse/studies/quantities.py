"""What the plots of a study show against what is varied: the metric, time and memory."""

from dataclasses import dataclass, field
from typing import Any

from ..report.numbers import spread, standard_error
from ..report.titles import metric_title
from .selection import shown_splits
from .table import study_cells

_COSTS = (
    ("milliseconds per training step", "seconds_per_step", 1e3),
    ("peak memory in MB", "peak_memory_bytes", 1e-6),
)


@dataclass
class Quantity:
    """What is plotted against the factor.

    Attributes:
        label: Its name and unit.
        values: One per seed, by variant.
        errors: Standard errors over the texts, by variant; of accuracies only.
    """

    label: str
    values: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)

    def spreads(self) -> dict[str, float]:
        """Standard deviations over the seeds."""
        found = {variant: spread(values) for variant, values in self.values.items()}
        return {variant: value for variant, value in found.items() if value is not None}


def metric_label(study: dict[str, Any]) -> str:
    """Name of the metric on an axis, with its unit, and the asterisk that some values have."""
    if study["metric"] == "accuracy":
        return "accuracy in percent"
    return metric_title(study["metric"]) + "*" * metric_has_asterisk(study)


def metric_has_asterisk(study: dict[str, Any]) -> bool:
    """Whether some values of the metric have an asterisk."""
    return any("*" in value for _, _, value, *_ in study_cells(study))


def measured_costs(study: dict[str, Any]) -> list[Quantity]:
    """Time per step and memory, those that were measured for at least two variants."""
    costs = []
    for label, name, unit in _COSTS:
        cost = Quantity(label)
        for point in study["points"]:
            if point.get(name) is not None:
                cost.values.setdefault(point["variant"], []).append(unit * point[name])
        costs += [cost] if len(cost.values) > 1 else []
    return costs


def measured_metric(study: dict[str, Any]) -> dict[str, Quantity]:
    """Collect the metric of the shown splits."""
    percent = 100.0 if study["metric"] == "accuracy" else 1.0
    found: dict[str, Quantity] = {}
    splits = shown_splits(study)
    for point in study["points"]:
        for split in splits[point["variant"]]:
            metrics, variant = point["metrics"][split], point["variant"]
            value = metrics.get(study["metric"])
            if value is None:
                continue
            quantity = found.setdefault(split, Quantity(metric_label(study)))
            quantity.values.setdefault(variant, []).append(percent * value)
            if study["metric"] == "accuracy" and metrics.get("texts"):
                error = percent * standard_error(value, metrics["texts"])
                quantity.errors[variant] = error
    return found


def same_tokens(study: dict[str, Any]) -> bool:
    """Whether all variants predict the same number of tokens, so that losses per token compare."""
    numbers: dict[str, set[float | None]] = {}
    for point in study["points"]:
        for split, metrics in point["metrics"].items():
            numbers.setdefault(split, set()).add(metrics.get("tokens"))
    return all(len(found) == 1 for found in numbers.values())
