"""Studies: one model trained again and again with one thing changed."""
