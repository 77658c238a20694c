"""Sharing on the Hugging Face Hub: what goes up, the code that travels with it, what goes wrong.

`errors`, `connection` and `fetch` know nothing of models; `models.loading` builds on them. The
others stand behind `models` and `report`.
"""
