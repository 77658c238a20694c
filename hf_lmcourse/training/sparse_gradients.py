"""A Trainer for models with sparse gradients."""

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import LmcourseError
from .frozen_vectors import VectorTrainer
from .part_optimizers import word_vectors


class SparseGradientTrainer(VectorTrainer):
    """`VectorTrainer` with gradient clipping that works for sparse gradients.

    Raises:
        LmcourseError: The model has sparse gradients, and the optimizer does not take them.
    """

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Create the optimizer, and check that it takes the gradients of the model."""
        optimizer = super().create_optimizer(*args, **kwargs)
        if self._sparse:
            self._check_optimizer(optimizer)
        return optimizer

    def _check_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse an optimizer that would write all rows of a matrix with sparse gradients."""
        vectors = word_vectors(self.model)
        rows = {id(p) for name, p in self.model.named_parameters() if name in vectors}
        rows |= {id(m.weight) for m in self.model.modules() if getattr(m, "sparse", False)}
        for part in getattr(optimizer, "optimizers", [optimizer]):
            takes_sparse = isinstance(part, torch.optim.Adagrad | torch.optim.SGD)
            for group in part.param_groups:
                decay = group.get("weight_decay", 0.0)
                if rows.isdisjoint(map(id, group["params"])) or (takes_sparse and not decay):
                    continue
                raise LmcourseError(
                    "sparse_gradients need optim adagrad or sgd without weight_decay, not "
                    f"{type(part).__name__} with {decay:g}: change those, set "
                    "vectors_learning_rate for a language model, or set sparse_gradients to false"
                )

    @property
    def _sparse(self) -> bool:
        """Whether gradients of the model may be sparse."""
        return bool(getattr(self.model.config, "sparse_gradients", False))

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        if not self._sparse:
            return super()._clip_grad_norm(model)
        self.accelerator.unscale_gradients()  # as accelerate's own clipping does
        return clip_gradients(model, self.args.max_grad_norm)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        if grad_norm is not None or not self._sparse:
            return super()._get_grad_norm(model, grad_norm)
        self.accelerator.unscale_gradients()
        return clip_gradients(model, float("inf"))


@torch.no_grad()
def clip_gradients(model: nn.Module, max_norm: float) -> Tensor:
    """Scale all gradients so that their total norm is at most `max_norm`.

        g <- g min(1, max_norm / ||g||)

    Like `torch.nn.utils.clip_grad_norm_`, but gradients may be sparse: duplicate rows are summed
    first.

    Returns:
        The norm before clipping.

    Raises:
        ValueError: `max_norm` is not positive.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be above 0, not {max_norm}")
    values = []
    for parameter in model.parameters():
        if parameter.grad is not None:
            if parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
            gradient = parameter.grad
            values.append(gradient.values() if gradient.is_sparse else gradient)
    norm = torch.stack([value.norm() for value in values]).norm()
    if norm > max_norm:
        for value in values:
            value.mul_(max_norm / norm)
    return norm
