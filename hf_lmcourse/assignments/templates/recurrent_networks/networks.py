"""The n-gram network, and backpropagation through time by hand."""

import torch
from torch import Tensor


def ngram_forward(ids: Tensor, C: Tensor, H: Tensor, d: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Return the logits of the next word after each context of n - 1 words.

        x = (C[first id], ..., C[last id])      h = tanh(H x + d)      logits = U h + b

    Shape:
        ids: (texts, n - 1), integers; C: (words, embedding_size);
        H: (hidden_size, (n - 1) * embedding_size); d: (hidden_size,); U: (words, hidden_size);
        b, each row of logits: (words,).
    """
    x = C[ids].flatten(1)  # SOLUTION
    h = torch.tanh(x @ H.T + d)  # SOLUTION
    return h @ U.T + b  # SOLUTION


def backpropagation_through_time(
    tokens: Tensor,
    targets: Tensor,
    h: Tensor,
    L: Tensor,
    H: Tensor,
    I: Tensor,
    b1: Tensor,
    U: Tensor,
    b2: Tensor,
) -> tuple[Tensor, ...]:
    """Return J and its gradients with respect to L, H, I, b1, U, b2 and the first state h.

        h_t = sigmoid(h_{t-1} H + L[x_t] I + b1)      yhat_t = softmax(h_t U + b2)

    J is the mean over all texts and steps of - log yhat_t[target]; no autograd.

    Shape:
        tokens, targets: (texts, length), integers; h: (texts, hidden_size);
        L: (words, size); H: (hidden_size, hidden_size); I: (size, hidden_size);
        b1: (hidden_size,); U: (hidden_size, words); b2: (words,); J: ().
    """
    steps, N = tokens.shape[1], tokens.numel()
    # forward pass: keep the state after every step
    states = [h]
    for t in range(steps):
        # BEGIN SOLUTION
        states.append(torch.sigmoid(states[-1] @ H + L[tokens[:, t]] @ I + b1))
        # END SOLUTION

    loss = torch.zeros(())
    d_L, d_H, d_I, d_b1, d_U, d_b2 = (torch.zeros_like(p) for p in (L, H, I, b1, U, b2))
    d_h = torch.zeros_like(h)  # of the loss of all later steps
    for t in reversed(range(steps)):
        before, after, e = states[t], states[t + 1], L[tokens[:, t]]
        log_yhat = torch.log_softmax(after @ U + b2, dim=1)
        y = torch.nn.functional.one_hot(targets[:, t], len(b2))
        # the output layer of this step
        # BEGIN SOLUTION
        loss = loss - (y * log_yhat).sum() / N
        d_theta = (log_yhat.exp() - y) / N
        d_U += after.T @ d_theta
        d_b2 += d_theta.sum(0)
        # END SOLUTION
        # the recurrence, with what comes from the later steps
        # BEGIN SOLUTION
        d_a = (d_h + d_theta @ U.T) * after * (1 - after)
        d_H += before.T @ d_a
        d_I += e.T @ d_a
        d_b1 += d_a.sum(0)
        d_L.index_add_(0, tokens[:, t], d_a @ I.T)
        d_h = d_a @ H.T
        # END SOLUTION
    return loss, d_L, d_H, d_I, d_b1, d_U, d_b2, d_h
