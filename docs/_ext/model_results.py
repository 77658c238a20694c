"""The directive `model-results`: the published results of a model, from the result files."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.report.references import PUBLISHED_RESULTS
from hf_lmcourse.report.results import RunResult, load_results
from hf_lmcourse.report.tables import results_table


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and the check that every family has a page."""
    app.add_directive("model-results", _ModelResults)
    app.connect("env-check-consistency", _demand_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _ModelResults(SphinxDirective):
    """The command and the learning curve of each result of a model type, and the table of all."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.srcdir, "results")
        self.env.note_dependency(str(folder))
        ours = [
            result
            for result in load_results(folder)
            if result.model_type == self.arguments[0] and result.config
        ]
        if not ours:
            raise self.error(f"there is no result of {self.arguments[0]} in results/")
        table = results_table(ours, PUBLISHED_RESULTS).replace("](configs/", "](/configs/")
        reference = f"The classes: [reference](/docs/generated/api/{self.arguments[0]}.rst)."
        parts = [table, *(_repeated(folder, result) for result in ours), reference]
        return self.parse_text_to_nodes("\n\n".join(parts))


def _repeated(folder: Path, result: RunResult) -> str:
    """The command that repeats a result, and its learning curve if there is one."""
    command = f"```bash\nlmcourse train {result.config}\n```"
    plot = folder / "plots" / f"{result.name}_learning_curve.png"
    if not plot.exists():
        return command
    return f"{command}\n\n![Learning curve of {result.name}](/results/plots/{plot.name})"


def _demand_pages(app: Sphinx, env: object) -> None:
    """Stop if a family has no page."""
    for model_type in MODEL_TYPES:
        name = model_type.removeprefix("lmcourse_")
        if f"docs/models/{name}" not in app.env.found_docs:
            raise SphinxError(f"docs/models/{name}.md is missing: every model has a page")
