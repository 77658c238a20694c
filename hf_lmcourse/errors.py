"""The one exception that is meant for the user's eyes."""


class LmcourseError(ValueError):
    """Bad input from the user, in one clear sentence: what is wrong, where, and what to do.

    The command line prints the message alone and exits with status 2; a library user sees an
    ordinary `ValueError`.
    """
