"""Optimizers for parts of a language model: Muon for hidden matrices, SGD for word vectors."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any

import torch
from torch import nn
from transformers import Trainer

from ..errors import LmcourseError
from ..models.exported_vectors import input_embeddings


class JointOptimizer(torch.optim.Optimizer):
    """Several optimizers, each of other parameters, as one with one list of groups and one state.

    Attributes:
        optimizers: In the order of their groups.

    Args:
        optimizers: As many as there are parts.
    """

    def __init__(self, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        self.optimizers = list(optimizers)
        super().__init__([group for part in self.optimizers for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Give each the groups and the state that a schedule and a checkpoint know."""
        groups = iter(self.param_groups)
        for part in self.optimizers:
            part.param_groups = list(islice(groups, len(part.param_groups)))
            part.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of all."""
        super().load_state_dict(state_dict)
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of all, and return the loss if there is a closure for it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.optimizers:
            part.step()
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


def word_vectors(model: Any) -> set[str]:
    """The trained parameters of the input embeddings and of the output layer, by name."""
    layers = input_embeddings(model), _output_layer(model)
    own = {id(parameter) for layer in layers for parameter in layer.parameters()}
    return {name for name, p in model.named_parameters() if id(p) in own and p.requires_grad}


def _output_layer(model: Any) -> nn.Module:
    """The output layer; an adaptive one is no single matrix, and only a part by name."""
    found: nn.Module | None = getattr(model, "lm_head", None) or model.get_output_embeddings()
    return nn.Module() if found is None else found


def part_optimizers(model: nn.Module, decayed: Collection[str], args: Any) -> JointOptimizer:
    """Make an optimizer for each part of a model.

    With `optim` "muon" the hidden matrices are Muon's. It makes the momentum of a matrix
    orthogonal, so that a step moves it equally far in every direction. With the gradient G and the
    Nesterov momentum M of a matrix of m rows and n columns

        W <- (1 - rate * decay) W - 0.2 sqrt(max(m, n)) rate * O,      O near U V^T of M = U S V^T

    by five Newton-Schulz iterations. The factor gives O the size of a step of AdamW, which trains
    the rest, so that both take the same learning rate and weight decay. The stacked gates of a
    recurrent layer are one matrix.

    With `vectors_learning_rate` the word vectors are trained by stochastic gradient descent,

        w <- w - rate * g,

    without weight decay: a word that a step does not read keeps its vector, and how far a rare
    word's moves depends on its error, where AdamW moves those of rare and frequent words equally.

    Args:
        model: The model.
        decayed: Names of the parameters with weight decay.
        args: The learning rates, weight decay, and the settings of `optim`, which trains the rest.

    Raises:
        LmcourseError: There is nothing for Muon or for stochastic gradient descent to train, torch
            is too old, or `optim` wants the whole model.

    Reference:
        Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks; Liu et al.
        2025, Muon is Scalable for LLM Training (equal rates); Merity, Keskar and Socher 2018,
        Regularizing and Optimizing LSTM Language Models, 3 (stochastic gradient descent, there of
        all parameters).
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}

    def groups(names: Collection[str]) -> list[dict[str, Any]]:
        by_decay: dict[float, list[nn.Parameter]] = {}
        for name, parameter in trained.items():
            if name in names:
                decay = args.weight_decay if name in decayed else 0.0
                by_decay.setdefault(decay, []).append(parameter)
        return [{"params": params, "weight_decay": decay} for decay, params in by_decay.items()]

    optimizers: list[torch.optim.Optimizer] = []
    vectors = set() if args.vectors_learning_rate is None else _some_vectors(model)
    matrices = _matrices_for_muon(model) - vectors if args.muon else set()
    if matrices:
        optimizers.append(_muon(groups(matrices), args.learning_rate))
    if rest := groups(trained.keys() - matrices - vectors):
        optimizers.append(_optimizer_of_rest(rest, args))
    if vectors:
        parameters = [parameter for name, parameter in trained.items() if name in vectors]
        optimizers.append(torch.optim.SGD(parameters, args.vectors_learning_rate))
    return JointOptimizer(optimizers)


def _some_vectors(model: nn.Module) -> set[str]:
    if vectors := word_vectors(model):
        return vectors
    raise LmcourseError("the model trains no word vectors that vectors_learning_rate could be for")


def _matrices_for_muon(model: nn.Module) -> set[str]:
    if not hasattr(torch.optim, "Muon"):
        raise LmcourseError(f"optim muon needs torch 2.9 or newer, not {torch.__version__}")
    if matrices := hidden_matrices(model):
        return matrices
    raise LmcourseError("the model has no hidden matrix that optim muon could train")


def _muon(groups: list[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Muon(groups, learning_rate, adjust_lr_fn="match_rms_adamw")


def _optimizer_of_rest(groups: list[dict[str, Any]], args: Any) -> torch.optim.Optimizer:
    """The optimizer of transformers that `optim` names; AdamW beside Muon."""
    kind, settings = Trainer.get_optimizer_cls_and_kwargs(args)
    if settings.keys() & {"params", "model", "optimizer_dict"}:
        raise LmcourseError(f"vectors_learning_rate does not go with optim {args.optim.value}")
    return kind(groups, **settings)
