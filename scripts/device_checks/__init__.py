"""What `gpu_check.py` runs, a module a part."""
