"""Scoring that learns from the text it scores: a continuous cache, dynamic evaluation."""
