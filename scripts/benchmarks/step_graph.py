"""Greedy decoding with `step.onnx` of a model in ONNX Runtime: the state is fed back."""

from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hf_lmcourse.export.graphs import state_parts
from hf_lmcourse.export.onnx import export_onnx

__all__ = ["StepGraphSession"]


class StepGraphSession:
    """A model as `lmcourse export-onnx` writes it, run by ONNX Runtime with torch's threads.

    Args:
        model: One of our language models.
    """

    def __init__(self, model: Any) -> None:
        import onnxruntime  # of the extra `onnx`

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        with TemporaryDirectory() as folder:
            _, path = export_onnx(model, folder)
            self.session = onnxruntime.InferenceSession(str(path), options)
        self.parts = state_parts(model)

    def generate(self, prompt: NDArray[np.int64], tokens: int) -> NDArray[np.int64]:
        """Append the most likely token, again and again.

        Shape:
            prompt: (batch, length); result: (batch, length + tokens).
        """
        names = [f"past.{part.name}" for part in self.parts]
        state = [part.start(len(prompt)).numpy() for part in self.parts]
        text, new = [prompt], prompt
        for _ in range(tokens):
            inputs = {"input_ids": new, **dict(zip(names, state, strict=True))}
            logits, *state = self.session.run(None, inputs)
            new = logits[:, -1:].argmax(-1)  # (batch, 1)
            text.append(new)
        return np.concatenate(text, axis=1)
