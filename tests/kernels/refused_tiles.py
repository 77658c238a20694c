"""`python -m tests.kernels.refused_tiles`: the kernels in a process that may not use Intel AMX.

A tile instruction would end it with SIGILL.
"""

import ctypes
import struct
from unittest import mock

import torch
from torch import Tensor

from hf_lmcourse.kernels import build
from hf_lmcourse.kernels.scoring import compiled_token_losses, token_losses
from hf_lmcourse.layers.lstm import LSTMLayer

ARCH_PRCTL, REQUEST, TILE_DATA = 158, 0x1023, 18


def refuse_tiles() -> None:
    """Let ARCH_REQ_XCOMP_PERM fail with EPERM in this process, by a filter of system calls."""
    load, equal, give = 0x20, 0x15, 0x06  # of BPF
    instructions = [
        (load, 0, 0, 0),  # the number of the call
        (equal, 0, 3, ARCH_PRCTL),
        (load, 0, 0, 16),  # its first argument
        (equal, 0, 1, REQUEST),
        (give, 0, 0, 0x0005_0001),  # SECCOMP_RET_ERRNO, EPERM
        (give, 0, 0, 0x7FFF_0000),  # SECCOMP_RET_ALLOW
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *i) for i in instructions))
    program = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    assert libc.syscall(ARCH_PRCTL, REQUEST, TILE_DATA) == -1


def trained() -> list[Tensor]:
    """The outputs of a layer in bfloat16, and its gradients."""
    torch.manual_seed(0)
    layer, x = LSTMLayer(64, 64, backend="native"), torch.randn(20, 12, 64)
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = layer(x)
    return [output, *torch.autograd.grad(output.float().square().sum(), list(layer.parameters()))]


def main() -> None:
    """Verify the recurrence and the scoring, both of which have tiles."""
    refuse_tiles()
    assert build.kernel("lstm_kernel") and build.kernel("scoring_kernel")
    found = trained()
    with mock.patch.object(build, "kernel", lambda name: None):
        expected = trained()
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)

    head, hidden = torch.nn.Linear(40, 300), torch.randn(100, 40)
    targets = torch.randint(300, (100,))
    losses, _ = compiled_token_losses(hidden, head.weight, head.bias, targets)
    expected_losses, _ = token_losses(head.double(), hidden.double(), targets, 300)
    torch.testing.assert_close(losses, expected_losses, rtol=1e-5, atol=1e-5)


if __name__ == "__main__":
    main()
