"""Run a command with limits of the kernel, watched by a process of its own.

    caller (run.py) -> supervisor (main.py) -> [first process of a PID namespace] -> the command

Nothing here imports more than the standard library: `start.py` loads the folder as a package of its
own, so that the supervisor starts in milliseconds.
"""
