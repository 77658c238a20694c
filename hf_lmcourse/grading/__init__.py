"""The submissions of a class: run, compared with the references, and given points."""
