"""A text scored in several ways: the file of a study in which nothing is trained."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .json_files import write_json
from .redact import redacted
from .results import provenance


@dataclass(frozen=True)
class ScoredVariant:
    """One way to score the text.

    Attributes:
        metrics: What came out, by name.
        seconds: Duration of the scoring, tuning included.
        parameters: Number of parameters of what was scored.
        settings: What distinguishes this way from the others.
    """

    metrics: Mapping[str, float]
    seconds: float
    parameters: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoringStudy:
    """A split of a corpus, scored in several ways.

    Attributes:
        name: Name of the study, and of its file.
        factor: What is varied.
        model_type: Type of the model, or the types of several.
        corpus: Name of the corpus.
        split: The split that was scored.
        device: What computed.
        variants: The ways to score by their titles; the first has all metrics.
        metric: The one that is compared.
    """

    name: str
    factor: str
    model_type: str
    corpus: str
    split: str
    device: torch.device
    variants: Mapping[str, ScoredVariant]
    metric: str = "perplexity"

    @property
    def columns(self) -> dict[str, Mapping[str, float]]:
        """The metrics by title, for `metrics_table`."""
        return {title: variant.metrics for title, variant in self.variants.items()}

    def save(self, words: Sequence[str], folder: str | Path) -> None:
        """Write the study to <name>.json, a point for each way to score.

        Args:
            words: The command line that repeats it.
            folder: Where to write.

        Raises:
            LmcourseError: The file cannot be written.
        """
        about = provenance(words, self.device)
        titles = _published(list(self.variants))
        points = [
            {
                "variant": title,
                "settings": variant.settings,
                "seed": None,
                "metrics": {self.split: variant.metrics},
                "seconds": variant.seconds,
                "parameters": variant.parameters,
                **{key: about[key] for key in ("device", "threads", "commit")},
            }
            for title, variant in zip(titles, self.variants.values(), strict=True)
        ]
        study = {
            "name": self.name,
            "config": "",
            "command": about["command"],
            "factors": {self.factor: titles},
            "metric": self.metric,
            "model_type": self.model_type,
            "corpus": self.corpus,
            "versions": about["versions"],
            "points": points,
        }
        write_json(Path(folder, f"{self.name}.json"), study)


def _published(titles: Sequence[str]) -> list[str]:
    """Titles without local paths, numbered if they then are the same."""
    counts: Counter[str] = Counter()
    published = []
    for title in map(redacted, titles):
        counts[title] += 1
        published.append(title if counts[title] == 1 else f"{title} ({counts[title]})")
    return published
