"""Settings of a run, the Trainer that carries recurrent state, checkpoints, run folders."""

from .arguments import DataArguments, RunArguments
from .trainer import StreamTrainer

__all__ = ["DataArguments", "RunArguments", "StreamTrainer"]
