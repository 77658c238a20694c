"""The files of a run folder that go into a repository on the Hub, and no others."""

from pathlib import Path

from ..errors import LmcourseError
from ..models.saved_files import read_config
from ..report.json_files import json_text
from ..report.redact import has_access_token
from .export_code import ExportedCode

_PATTERNS = (
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "README.md",
    "result.json",
    "samples.txt",
    "plots/*.png",
)
_LOCAL_FIELDS = ("_name_or_path", "auto_map")
"""Fields of config.json that are not uploaded: an earlier path, and code."""


def shared_files(folder: Path) -> dict[str, Path]:
    """The files that may go up, by their path in the repository.

    Checkpoints, optimizers, pickles, logs and code that lies there are not among them.

    Raises:
        LmcourseError: No saved model.
    """
    if not folder.is_dir():
        raise LmcourseError(f"there is no folder {folder}")
    found = {
        path.relative_to(folder).as_posix(): path
        for pattern in _PATTERNS
        for path in sorted(folder.glob(pattern))
    }
    weights = any(name.endswith(".safetensors") for name in found)
    missing = "config.json" if "config.json" not in found else "model.safetensors"
    if "config.json" not in found or not weights:
        raise LmcourseError(
            f"{folder} has no {missing}, so it is not a saved model; give the run folder of a "
            "finished run"
        )
    return found


def shared_contents(folder: Path, code: ExportedCode | None = None) -> dict[str, Path | bytes]:
    """Collect what is uploaded: the files of a folder, and the code, named in config.json.

    Raises:
        LmcourseError: There is no saved model, or one of the texts contains an access token.
    """
    contents: dict[str, Path | bytes] = {**shared_files(folder)}
    config = read_config(folder)
    shared = {name: value for name, value in config.items() if name not in _LOCAL_FIELDS}
    if code is not None:
        shared["auto_map"] = code.auto_map
        contents |= {name: source.encode() for name, source in code.files.items()}
    if shared != config:
        contents["config.json"] = json_text(shared, sort_keys=True).encode()
    for name, content in contents.items():
        if not name.endswith((".json", ".md", ".txt", ".jinja")):
            continue
        text = content.decode() if isinstance(content, bytes) else content.read_text("utf-8")
        if has_access_token(text):
            raise LmcourseError(
                f"{folder / name} contains an access token of the Hub; remove it (and revoke it, "
                "if others have seen it) before you share the folder"
            )
    return contents
