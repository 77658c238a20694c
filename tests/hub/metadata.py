"""The check of a card's metadata, as strict as the Hub's where our cards could be wrong."""

from collections.abc import Iterator
from typing import Any

import yaml

LICENSES = {"apache-2.0", "mit", "cc-by-sa-3.0", "cc-by-4.0", "psf-2.0", "other", "unknown"}


def metadata_errors(content: str) -> list[str]:
    """What is wrong with the YAML between the dashes; nothing where there is none."""
    if not content.startswith("---\n"):
        return []
    try:
        found = yaml.safe_load(content[4:].split("\n---", 1)[0])
    except yaml.YAMLError as error:
        return [f"Invalid YAML: {error}"]
    if found is None:
        return []
    if not isinstance(found, dict):
        return ["The metadata must be a mapping"]
    return [*_of_fields(found), *_of_results(found.get("model-index", []))]


def _of_fields(found: dict[str, Any]) -> Iterator[str]:
    if found.get("license", "unknown") not in LICENSES:
        yield '"license" must be one of the known licenses'
    for name in ("tags", "datasets", "language", "base_model"):
        values = found.get(name, [])
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str):
                yield f'"{name}" must be a string or an array of strings'
            elif name == "base_model" and value.startswith(("/", ".")):
                yield '"base_model" must be the id of a model'


def _of_results(index: Any) -> Iterator[str]:
    """A name, and for each result task, dataset and metrics, as the Hub's documentation asks."""
    for model in index:
        if not isinstance(model.get("name"), str):
            yield '"model-index[0].name" is required'
        for place, result in enumerate(model.get("results", [])):
            where = f"model-index[0].results[{place}]"
            needed = {"task": ["type"], "dataset": ["type", "name"]}
            for part, names in needed.items():
                for name in names:
                    if not isinstance(result.get(part, {}).get(name), str):
                        yield f'"{where}.{part}.{name}" is required'
            for metric in result.get("metrics") or [{}]:
                number = metric.get("value")
                if not isinstance(metric.get("type"), str) or number is None:
                    yield f'"{where}.metrics" needs type and value'
                if isinstance(number, float) and number - number != 0:
                    yield f'"{where}.metrics" holds no finite number'
