"""The verdicts as text for a terminal."""

from collections.abc import Sequence

from .verdict import Verdict

OPEN_NETWORK = (
    "The file could reach the network and see other processes: this system allows no namespaces."
)
"""The remark if the kernel or its settings refuse them."""


def report(verdicts: Sequence[Verdict]) -> str:
    """Format errors and likely mistakes, and a last line with the number of tasks that agree."""
    right = sum(verdict.agrees is True for verdict in verdicts)
    parts = ["\n".join(_lines(verdict)) for verdict in verdicts]
    if any(d.quantity.startswith("dJ/d") for verdict in verdicts for d in verdict.differences):
        parts.append("J is the sum of all outputs, each times a fixed random number.")
    if not all(verdict.isolated for verdict in verdicts):
        parts.append(OPEN_NETWORK)
    parts.append(f"{right} of {len(verdicts)} agree")
    return "\n\n".join(parts)


def _lines(verdict: Verdict) -> list[str]:
    state = {True: "agrees", False: "DIFFERS", None: "NOT COMPARED"}[verdict.agrees]
    lines = [f"{verdict.task}: {state}"]
    if verdict.message:
        lines.append(f"  {verdict.message}")
    lines += [f"  most likely: {mistake}" for mistake in verdict.likely]
    rows = [
        (d.quantity, f"{d.error:.1e}", "ok" if d.ok else "WRONG", d.case)
        for d in verdict.differences
    ]
    if not rows:
        return lines
    head = ("", "relative error", "", f"largest of {verdict.cases} cases, with")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for quantity, error, state, case in (head, *rows):
        cells = f"{quantity:<{widths[0]}}  {error:>{widths[1]}}  {state:<{widths[2]}}  {case}"
        lines.append(f"    {cells}".rstrip())
    return lines
