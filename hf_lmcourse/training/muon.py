"""Muon for the hidden matrices of a language model, AdamW for everything else."""

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import LmcourseError

_Group = dict[str, Any]


class MuonWithAdamW(torch.optim.Optimizer):
    """`torch.optim.Muon` and `torch.optim.AdamW` as one optimizer.

    Muon makes the momentum of a matrix orthogonal, so that a step moves it equally far in every
    direction. With the gradient G and the Nesterov momentum M of a matrix of m rows and n columns

        W <- (1 - rate * decay) W - 0.2 sqrt(max(m, n)) rate * O,      O near U V^T of M = U S V^T

    by five Newton-Schulz iterations. The factor gives O the size of a step of AdamW, so that both
    take the same learning rate and weight decay (Liu et al. 2025). The stacked gates of a recurrent
    layer are one matrix.

    Attributes:
        param_groups: Those of Muon and AdamW; the key `muon` says which.

    Args:
        groups: Parameter groups with `params`, `weight_decay` and `muon`.
        learning_rate: Of both.
        betas: Of AdamW.
        eps: Of AdamW.

    Reference:
        Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks; Liu et al.
        2025, Muon is Scalable for LLM Training (equal rates).
    """

    def __init__(
        self, groups: list[_Group], learning_rate: float, betas: tuple[float, float], eps: float
    ) -> None:
        matrices = [group for group in groups if group["muon"]]
        others = [group for group in groups if not group["muon"]]
        self._muon = torch.optim.Muon(matrices, learning_rate, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW(others, learning_rate, betas, eps)
        super().__init__([*self._muon.param_groups, *self._adamw.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Give both the groups and the state that a schedule and a checkpoint know."""
        for part, by_muon in ((self._muon, True), (self._adamw, False)):
            part.param_groups = [group for group in self.param_groups if group["muon"] == by_muon]
            part.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of both."""
        super().load_state_dict(state_dict)
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of both, and return the loss if there is a closure for it."""
        loss = self._muon.step(closure)
        self._adamw.step()
        return loss


def hidden_matrices(model: Any) -> set[str]:
    """The parameters that Muon is for, by name.

    These are the trained weights of two dimensions, but not those of embeddings or of the output
    layer, whose rows are one word's each.
    """
    output = {id(p) for p in _output_layer(model).parameters()}
    chosen = set()
    for path, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Embedding) or not isinstance(weight, nn.Parameter):
            continue
        if weight.ndim == 2 and weight.requires_grad and id(weight) not in output:
            chosen.add(f"{path}.weight")
    return chosen


def _output_layer(model: Any) -> nn.Module:
    """The output layer; an adaptive one is no single matrix, and only a part by name."""
    found: nn.Module | None = getattr(model, "lm_head", None) or model.get_output_embeddings()
    return nn.Module() if found is None else found


def muon_with_adamw(model: nn.Module, decayed: Collection[str], args: Any) -> MuonWithAdamW:
    """Make the optimizer of a model.

    Args:
        model: The model.
        decayed: Names of the parameters with weight decay.
        args: Learning rate, weight decay, and the settings of AdamW.

    Raises:
        LmcourseError: The model has no hidden matrix, or torch is too old.
    """
    if not hasattr(torch.optim, "Muon"):
        raise LmcourseError(f"optim muon needs torch 2.9 or newer, not {torch.__version__}")
    matrices = hidden_matrices(model)
    if not matrices:
        raise LmcourseError("the model has no hidden matrix that optim muon could train")
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = name in matrices, name in decayed
            groups.setdefault(key, []).append(parameter)
    return MuonWithAdamW(
        [
            {"params": params, "muon": muon, "weight_decay": args.weight_decay if decays else 0.0}
            for (muon, decays), params in groups.items()
        ],
        args.learning_rate,
        (args.adam_beta1, args.adam_beta2),
        args.adam_epsilon,
    )
