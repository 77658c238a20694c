"""Every fast path: hand-written backward passes, C++, and losses that keep no logits."""
