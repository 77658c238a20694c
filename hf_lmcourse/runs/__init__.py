"""One training run, from a YAML file to a run folder."""
