"""Perplexity of any model on any text: scores, what compares with what, and why they differ."""
