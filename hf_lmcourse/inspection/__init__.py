"""What is inside a trained model: attention heads, classifier errors, the rank of its outputs."""
