"""The position-wise network between two attentions."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
}


class FeedForward(nn.Module):
    """Two linear maps with a nonlinearity between them, the same at every position.

        y = W_down f(W_up x + b) + c                            f is GELU or ReLU
        y = W_down (silu(W_gate x + a) * (W_up x + b)) + c      SwiGLU; silu(z) = z sigmoid(z)

    Args:
        hidden_size: Width of x and y.
        intermediate_size: Width between the two maps.
        activation: "gelu", "relu" or "swiglu".
        bias: Whether the linear maps have one.

    Shape:
        (..., hidden_size) in and out.

    Reference:
        Vaswani et al. 2017 (ReLU); Hendrycks and Gimpel 2016 (GELU); Shazeer 2020, GLU Variants
        Improve Transformer (SwiGLU).
    """

    def __init__(
        self, hidden_size: int, intermediate_size: int, activation: str = "gelu", bias: bool = True
    ) -> None:
        super().__init__()
        self.activation = activation
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=bias)
        if activation == "swiglu":
            self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=bias)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """The equations above."""
        if self.activation == "swiglu":
            return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return self.down_proj(_ACTIVATIONS[self.activation](self.up_proj(x)))
