"""Execute the notebooks: notebooks/NN_name.py is the source, NN_name.ipynb what readers are shown.

python scripts/notebooks.py              # all of them
python scripts/notebooks.py 02 06        # those whose names begin so
"""

import base64
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

FOLDER = Path(__file__).parents[1] / "notebooks"
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_SECONDS_PER_CELL = 600
_WIDTH, _COLOURS = 1000, 64


def sources() -> list[Path]:
    """The notebooks as text, in the order in which they are read."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def read_source(path: Path) -> NotebookNode:
    """Read a notebook from its text, with names of cells that are the same each time."""
    notebook = jupytext.read(path)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata = NotebookNode(kernelspec=_KERNEL, language_info={"name": "python"})
    return notebook


def execute(path: Path, folder: Path) -> NotebookNode:
    """Execute a notebook from its first cell to its last, without a network.

    Args:
        path: The notebook as text.
        folder: Working directory of the notebook, which writes its runs there.

    Returns:
        The notebook with its outputs.

    Raises:
        CellExecutionError: A cell raised an exception.
    """
    notebook = read_source(path)
    environment = {
        "HF_HUB_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore:IProgress not found",  # the bar of tqdm is text without widgets
        "LMCOURSE_CACHE": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]),
    }
    client = NotebookClient(
        notebook,
        timeout=_SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    client.execute(env=os.environ | environment)
    return notebook


def tidy(notebook: NotebookNode) -> None:
    """Join the lines that were printed one after the other, and shrink the figures."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = _smaller(data["image/png"])


def _joined(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    joined: list[NotebookNode] = []
    for output in outputs:
        name = output.get("name")  # of a stream
        if name is not None and joined and joined[-1].get("name") == name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _smaller(png: str) -> str:
    """Reduce a figure to a few colours and to the pixels in which it can be read."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    image.thumbnail((_WIDTH, image.height))
    written = io.BytesIO()
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def main(arguments: Sequence[str]) -> int:
    """Execute the notebooks whose names begin with one of the arguments, or all of them.

    They use the data that Python and the package hold, so that anyone's run shows the same.
    """
    os.environ.pop("LMCOURSE_DATA", None)
    for path in sources():
        if arguments and not path.name.startswith(tuple(arguments)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            notebook = execute(path, Path(folder))
        tidy(notebook)
        target = path.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
