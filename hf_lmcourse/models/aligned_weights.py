"""Weights that lie in memory as freshly made ones do, and in files like any other."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from .weight_files import follow_umask

_ALIGNMENT = 64
"""Bytes; what torch's own allocator keeps to on a CPU."""


class AlignedWeights(PreTrainedModel):
    """A model whose weights are aligned after loading, and whose files follow the umask.

    Loaded tensors are windows into the mapped safetensors file and begin anywhere. The kernels of
    matrix products add in another order then: the logits of a model and of its saved copy differ in
    the last bits. With a copy of each tensor in torch's own memory they are equal.
    """

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """As in transformers, and every weight on the CPU aligned."""
        loaded: Any = super().from_pretrained(*args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.device.type == "cpu" and tensor.data_ptr() % _ALIGNMENT:
                tensor.data = tensor.data.clone()
        return loaded

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> Any:
        """As in transformers, and the weights are readable to whom any new file is."""
        saved = super().save_pretrained(save_directory, *args, **kwargs)
        for path in Path(save_directory).glob("*.safetensors"):
            follow_umask(path)
        return saved
