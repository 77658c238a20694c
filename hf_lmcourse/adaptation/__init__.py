"""Models that adapt to the text they are scored on: continuous cache, dynamic evaluation."""
