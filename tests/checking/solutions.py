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
    "elman_step": """\
def elman_step(x, h, W, U, b):
    return torch.tanh(x @ W.T + h @ U.T + b)
""",
    "backpropagation_through_time": """\
def backpropagation_through_time(tokens, targets, h, L, H, I, b1, U, b2):
    T, N = tokens.shape[1], tokens.numel()
    hs = [h]
    for t in range(T):
        hs.append(torch.sigmoid(hs[-1] @ H + L[tokens[:, t]] @ I + b1))
    loss, dh = 0.0, torch.zeros_like(h)
    d_L, d_H, d_I, d_b1, d_U, d_b2 = (torch.zeros_like(p) for p in (L, H, I, b1, U, b2))
    for t in range(T - 1, -1, -1):
        log_p = torch.log_softmax(hs[t + 1] @ U + b2, dim=1)
        y = functional.one_hot(targets[:, t], len(b2))
        loss -= (log_p * y).sum() / N
        delta = (log_p.exp() - y) / N
        d_U += hs[t + 1].T @ delta
        d_b2 += delta.sum(0)
        gamma = (dh + delta @ U.T) * hs[t + 1] * (1 - hs[t + 1])
        d_H += hs[t].T @ gamma
        d_I += L[tokens[:, t]].T @ gamma
        d_b1 += gamma.sum(0)
        for row, word in enumerate(tokens[:, t]):
            d_L[word] += gamma[row] @ I.T
        dh = gamma @ H.T
    return loss, d_L, d_H, d_I, d_b1, d_U, d_b2, dh
""",
    "forward_backward_prop": """\
def forward_backward_prop(data, labels, params, dimensions):
    Dx, H, Dy = dimensions
    W1 = params[: Dx * H].reshape(Dx, H)
    b1 = params[Dx * H : Dx * H + H]
    W2 = params[Dx * H + H : -Dy].reshape(H, Dy)
    b2 = params[-Dy:]
    h = torch.sigmoid(data @ W1 + b1)
    yhat = torch.softmax(h @ W2 + b2, dim=1)
    cost = -(labels * yhat.log()).sum()
    delta = yhat - labels
    da = (delta @ W2.T) * h * (1 - h)
    parts = (data.T @ da, da.sum(0), h.T @ delta, delta.sum(0))
    return cost, torch.cat([part.reshape(-1) for part in parts])
""",
    "ngram_forward": """\
def ngram_forward(ids, C, H, d, U, b):
    x = torch.cat([C[ids[:, i]] for i in range(ids.shape[1])], dim=1)
    h = torch.tanh(x @ H.T + d)
    return h @ U.T + b
""",
    "word_dropout": """\
def word_dropout(ids, E, keep, p):
    dropped = E * keep.unsqueeze(1) / (1 - p)
    return dropped[ids]
""",
    "scaled_dot_product": """\
def scaled_dot_product(Q, K, V, mask):
    scores = Q @ K.transpose(1, 2) / math.sqrt(Q.shape[-1])
    scores = scores.masked_fill(mask == 0, float("-inf"))
    return torch.softmax(scores, dim=-1) @ V
""",
    "layer_norm": """\
def layer_norm(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, unbiased=False, keepdim=True)
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta
""",
    "transformer_block": """\
def transformer_block(
    X, W_qkv, b_qkv, W_o, b_o, W_1, b_1, W_2, b_2, gamma_1, beta_1, gamma_2, beta_2, num_heads
):
    B, T, d = X.shape
    normed = functional.layer_norm(X, (d,), gamma_1, beta_1)
    parts = (normed @ W_qkv.T + b_qkv).chunk(3, dim=-1)
    q, k, v = (p.reshape(B, T, num_heads, -1).transpose(1, 2) for p in parts)
    heads = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    Z = X + heads.transpose(1, 2).reshape(B, T, d) @ W_o.T + b_o
    normed = functional.layer_norm(Z, (d,), gamma_2, beta_2)
    return Z + functional.gelu(normed @ W_1.T + b_1) @ W_2.T + b_2
""",
    "sampled_softmax": """\
def sampled_softmax(h, W, b, targets, drawn, pi):
    loss = 0.0
    for row, target in zip(h, targets):
        o = W @ row + b
        Z = 0.0
        for j in range(len(b)):
            if j in targets:
                Z = Z + o[j].exp()
            elif drawn[j]:
                Z = Z + o[j].exp() / pi[j].item()
        loss = loss + Z.log() - o[target]
    return loss / len(h)
""",
    "corpus_perplexity": """\
def corpus_perplexity(log_p, lengths, base):
    total, words = 0.0, 0
    for row, length in zip(log_p, lengths):
        total += row[:length].sum().item()
        words += int(length)
    return base ** (-total / words)
""",
    "kneser_ney_bigram": """\
def kneser_ney_bigram(counts, D):
    V = len(counts)
    occurs = counts > 0
    lower = occurs.sum(0) / occurs.sum()
    P = torch.zeros(V, V)
    for v in range(V):
        c = counts[v].sum()
        if c == 0:
            P[v] = lower
            continue
        for w in range(V):
            P[v, w] = max(counts[v, w] - D, 0) / c + D * occurs[v].sum() / c * lower[w]
    return P
""",
    "tf_idf": """\
def tf_idf(counts):
    N, V = counts.shape
    weights = torch.zeros(N, V)
    for w in range(V):
        df = int((counts[:, w] > 0).sum())
        for t in range(N):
            if counts[t, w] > 0:
                tf = 1 + math.log(counts[t, w])
                weights[t, w] = tf * (math.log((1 + N) / (1 + df)) + 1)
    return weights / weights.norm(dim=1, keepdim=True)
""",
    "log_count_ratio": """\
def log_count_ratio(counts, labels, alpha):
    p = alpha + counts[labels == 1].sum(0)
    q = alpha + counts[labels == 0].sum(0)
    return torch.log((p / p.sum()) / (q / q.sum()))
""",
    "sample_token": """\
def sample_token(logits, u, temperature, top_k):
    p = torch.zeros_like(logits)
    tokens = []
    for row, scores in enumerate(logits / temperature):
        best = scores.topk(top_k)
        p[row, best.indices] = torch.softmax(best.values, dim=0)
        cumulative = 0.0
        for token in range(len(scores)):
            cumulative += p[row, token]
            if cumulative > u[row]:
                break
        tokens.append(token)
    return p, torch.tensor(tokens)
""",
    "beam_search": """\
def beam_search(log_first, log_next, length, num_beams):
    beams = [(log_first[w].item(), [w]) for w in range(len(log_first))]
    beams = sorted(beams, reverse=True)[:num_beams]
    for _ in range(length - 1):
        longer = []
        for score, text in beams:
            for w in range(len(log_first)):
                longer.append((score + log_next[text[-1], w].item(), text + [w]))
        beams = sorted(longer, reverse=True)[:num_beams]
    score, text = beams[0]
    return torch.tensor(text), score
""",
    "byte_pair_merges": """\
def byte_pair_merges(tokens, vocabulary, num_merges):
    text, merges = tokens.tolist(), []
    for i in range(num_merges):
        counts = {}
        for pair in zip(text, text[1:]):
            counts[pair] = counts.get(pair, 0) + 1
        best = sorted(counts, key=lambda pair: (-counts[pair], pair))[0]
        merges.append(best)
        merged = []
        while text:
            if tuple(text[:2]) == best:
                merged.append(vocabulary + i)
                text = text[2:]
            else:
                merged.append(text[0])
                text = text[1:]
        text = merged
    return torch.tensor(merges), torch.tensor(text)
""",
    "adam_step": """\
def adam_step(theta, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    mhat = m / (1 - beta1**t)
    vhat = v / (1 - beta2**t)
    return theta - lr * mhat / (vhat.sqrt() + eps), m, v
""",
    "learning_rate": """\
def learning_rate(steps, peak, warmup, total):
    rising = peak * steps / warmup
    falling = peak * (1 + torch.cos(math.pi * (steps - warmup) / (total - warmup))) / 2
    return torch.where(steps < warmup, rising, falling)
""",
    "clip_gradients": """\
def clip_gradients(g_W, g_b, max_norm):
    norm = math.sqrt((g_W**2).sum() + (g_b**2).sum())
    if norm > max_norm:
        g_W, g_b = g_W * max_norm / norm, g_b * max_norm / norm
    return g_W, g_b
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
