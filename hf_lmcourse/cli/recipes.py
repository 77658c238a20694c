"""`lmcourse recipes`: list the training runs and studies that come with the package."""

import argparse

from ..report.tables import MODEL_TITLES, aligned_table, main_metric
from ..runs.recipes import Recipe, recipe_text, recipes, studies

_COLUMNS = ("recipe", "model", "corpus", "minutes", "published result")


def run(arguments: list[str]) -> int:
    """List the recipes and the studies, or print the YAML file of one recipe."""
    options = _parser().parse_args(arguments)
    print(_list() if options.recipe is None else recipe_text(options.recipe).rstrip("\n"))
    return 0


def _list() -> str:
    questions = studies()
    width = max(map(len, questions))
    return "\n".join(
        [
            aligned_table([_COLUMNS, *map(_row, recipes())], left=(0, 1, 2, 4)),
            "\nMinutes: of the published run, on one or two threads of a server CPU.",
            "lmcourse train RECIPE trains one, lmcourse recipes RECIPE prints its YAML file.\n",
            "Studies, each of several training runs:\n",
            *(f"  {name:<{width}}  {question}" for name, question in questions.items()),
            "\nlmcourse study NAME carries one out.",
        ]
    )


def _row(recipe: Recipe) -> tuple[str, ...]:
    result = recipe.result
    return (
        recipe.name,
        MODEL_TITLES[recipe.model_type],
        recipe.corpus,
        "-" if result is None else f"{result.wall_time_seconds / 60:.1f}",
        "-" if result is None else main_metric(result),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse recipes", description=__doc__)
    parser.add_argument(
        "recipe", nargs="?", help="Recipe whose YAML file is printed; without it all are listed."
    )
    return parser
