"""The model families, each imported when one of its classes or its model type is asked for.

Importing one registers it with transformers' Auto classes.
"""

from typing import TYPE_CHECKING, Any

from .families import EXPORTS, import_family

if TYPE_CHECKING:
    from .bigram_mlp import *
    from .char_rnn import *
    from .dan import *
    from .gru import *
    from .lstm import *
    from .ngram_fnn import *
    from .transformer import *
else:

    def __getattr__(name: str) -> Any:
        if name not in EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_family(EXPORTS[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = sorted(EXPORTS)
