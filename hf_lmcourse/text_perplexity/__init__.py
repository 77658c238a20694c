"""Perplexity of any model on any text, which scores can be compared, and why they differ."""
