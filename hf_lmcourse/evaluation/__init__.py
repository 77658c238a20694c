"""Scores of saved models and of count models to compare them with."""
