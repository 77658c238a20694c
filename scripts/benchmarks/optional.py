"""Libraries that a benchmark compares with only if they are installed."""

from importlib.util import find_spec

__all__ = ["not_installed"]


def not_installed(extra: str, *modules: str) -> str:
    """Say in a sentence which modules are missing and how to install them; empty if none is.

    Args:
        extra: The extra of this package that has them.
        *modules: Names of top-level modules.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if not missing:
        return ""
    return f'{" and ".join(missing)} not installed: pip install -e ".[{extra}]"'
