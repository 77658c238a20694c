"""Trainers for language models and classifiers, their settings and callbacks."""

from .arguments import DataArguments, RunArguments
from .trainer import StreamTrainer

__all__ = ["DataArguments", "RunArguments", "StreamTrainer"]
