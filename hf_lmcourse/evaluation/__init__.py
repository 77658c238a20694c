"""Scores of saved models, and of the baselines to compare them with."""
