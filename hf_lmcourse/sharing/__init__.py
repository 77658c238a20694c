"""From a run folder to a repository on the Hugging Face Hub: card, files, code, push."""
