"""Run a student's file, in a process that imports nothing else of this package, which is slow.

The modules of this folder import each other relatively and else only numpy, torch and safetensors:
`start.py` loads them as a package of their own. The checker itself calls the references with the
same functions.
"""

from .answers import Answer, answer
from .calling import call

__all__ = ["Answer", "answer", "call"]
