"""Run a folder of modules as a package of its own: `python -P start.py FOLDER ARGUMENTS`.

Its modules import each other relatively, and `main.py` has the function `main(arguments)`. Nothing
above the folder is imported, and nothing of it is found by what it runs.
"""

import importlib
import importlib.util
import sys
from pathlib import Path


def load(folder: Path) -> str:
    """Load the package in a folder under a name of its own, and return that."""
    name = f"lmcourse_{folder.name}"
    specification = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert specification is not None and specification.loader is not None
    package = importlib.util.module_from_spec(specification)
    sys.modules[name] = package
    specification.loader.exec_module(package)
    return name


if __name__ == "__main__":
    main = importlib.import_module(f"{load(Path(sys.argv[1]))}.main").main
    main(sys.argv[2:])
