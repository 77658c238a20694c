"""Models as graphs that run without torch and without this package."""
