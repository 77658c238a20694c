"""A Trainer that leaves frozen word vectors alone."""

from typing import Any

from torch import nn

from .finite_loss import FiniteLossTrainer
from .resuming import ResumingTrainer
from .saving_trainer import SavingTrainer


class VectorTrainer(SavingTrainer, ResumingTrainer, FiniteLossTrainer):
    """A Trainer without weight decay on embeddings with frozen rows.

    Frozen rows get no gradient, but weight decay would shrink them all the same.
    """

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Exclude the embeddings from weight decay if `freeze_vectors` is set."""
        names = super().get_decay_parameter_names(model)
        config: Any = self.accelerator.unwrap_model(model).config
        if not getattr(config, "freeze_vectors", False):
            return names
        return [name for name in names if not name.endswith("embed_tokens.weight")]
