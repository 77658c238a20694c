"""Every template filled in, as a student would: with torch, with NumPy, as a class."""

IMPORTS = "import math\n\nimport torch\nfrom torch import nn\nfrom torch.nn import functional\n\n\n"

SOLUTIONS = {
    "softmax_gradient": """\
def softmax_gradient(z, W, y):
    theta = z @ W.T
    powers = torch.exp(theta - theta.max(dim=1, keepdim=True).values)
    yhat = powers / powers.sum(dim=1, keepdim=True)
    d_theta = (yhat - y) / len(z)
    return d_theta, d_theta.T @ z, d_theta @ W
""",
    "one_hidden_layer": """\
def one_hidden_layer(x, y, W1, b1, W2, b2):
    N = len(x)
    h = torch.sigmoid(x @ W1 + b1)
    log_yhat = torch.log_softmax(h @ W2 + b2, dim=1)
    loss = -(y * log_yhat).sum() / N
    delta2 = (log_yhat.exp() - y) / N
    delta1 = (delta2 @ W2.T) * h * (1 - h)
    return loss, delta1 @ W1.T, x.T @ delta1, delta1.sum(0), h.T @ delta2, delta2.sum(0)
""",
    "lstm_step": """\
def lstm_step(x, h, c, W, U, b):
    n = h.shape[1]
    a = x @ W.T + h @ U.T + b
    i = torch.sigmoid(a[:, 0 * n : 1 * n])
    f = torch.sigmoid(a[:, 1 * n : 2 * n])
    g = torch.tanh(a[:, 2 * n : 3 * n])
    o = torch.sigmoid(a[:, 3 * n : 4 * n])
    c = f * c + i * g
    return o * torch.tanh(c), c
""",
    "gru_step": """\
def gru_step(x, h, W, U, b, b_h):
    W_r, W_z, W_n = W.chunk(3)
    U_r, U_z, U_n = U.chunk(3)
    b_r, b_z, b_n = b.chunk(3)
    b_hr, b_hz, b_hn = b_h.chunk(3)
    r = torch.sigmoid(x @ W_r.T + b_r + h @ U_r.T + b_hr)
    z = torch.sigmoid(x @ W_z.T + b_z + h @ U_z.T + b_hz)
    n = torch.tanh(x @ W_n.T + b_n + r * (h @ U_n.T + b_hn))
    return (1 - z) * n + z * h
""",
    "multi_head_attention": """\
def multi_head_attention(X, W_qkv, b_qkv, W_o, b_o, num_heads, causal):
    B, T, d = X.shape
    q, k, v = (X @ W_qkv.T + b_qkv).chunk(3, dim=-1)
    q = q.reshape(B, T, num_heads, d // num_heads).transpose(1, 2)
    k = k.reshape(B, T, num_heads, d // num_heads).transpose(1, 2)
    v = v.reshape(B, T, num_heads, d // num_heads).transpose(1, 2)
    scores = q @ k.transpose(2, 3) / math.sqrt(d // num_heads)
    if causal:
        hidden = torch.triu(torch.ones(T, T), diagonal=1) == 1
        scores = scores.masked_fill(hidden, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    Y = (weights @ v).transpose(1, 2).reshape(B, T, d)
    return Y @ W_o.T + b_o
""",
    "perplexity": """\
def perplexity(logits, targets):
    nll, words = 0.0, 0
    for text, target in zip(logits, targets):
        real = target != -100
        log_p = torch.log_softmax(text[real], dim=-1)
        nll -= log_p[torch.arange(len(log_p)), target[real]].sum().item()
        words += int(real.sum())
    return math.exp(nll / words)
""",
    "dan_forward": """\
def dan_forward(ids, mask, E, W1, b1, W2, b2):
    vectors = E[ids] * mask.unsqueeze(-1)
    z = vectors.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    hidden = torch.tanh(z @ W1.T + b1)
    return hidden @ W2.T + b2
""",
}
"""One for each task; the imports are `IMPORTS`."""

WITH_NUMPY = """\
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def softmax(theta):
    powers = np.exp(theta - theta.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_gradient(z, W, y):
    d_theta = (softmax(z @ W.T) - y) / len(z)
    return [d_theta, d_theta.T @ z, d_theta @ W]


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = np.split(x @ W.T + h @ U.T + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def perplexity(logits, targets):
    real = targets != -100
    p = np.take_along_axis(softmax(logits[real]), targets[real][:, None], axis=1)
    return np.exp(-np.log(p).mean())


def dan_forward(ids, mask, E, W1, b1, W2, b2):
    words = np.maximum(mask.sum(1, keepdims=True), 1)
    z = (E[ids] * mask[:, :, None]).sum(1) / words
    return np.tanh(z @ W1.T + b1) @ W2.T + b2
"""

AS_CLASSES = """\
import torch
from torch import nn


class LSTMStep(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.U = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.register_buffer("b", torch.zeros(4 * hidden_size))

    def forward(self, x, h, c):
        i, f, g, o = (x @ self.W.T + h @ self.U.T + self.b).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class MultiHeadAttention:
    W_qkv = b_qkv = W_o = b_o = None

    def __init__(self, hidden_size, num_heads, causal):
        self.heads, self.causal = num_heads, causal

    def __call__(self, X):
        B, T, d = X.shape
        qkv = (X @ self.W_qkv.T + self.b_qkv).view(B, T, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        Y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return Y.transpose(1, 2).reshape(B, T, d) @ self.W_o.T + self.b_o
"""
