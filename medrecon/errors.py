"""The one exception that means "the user can mend this"."""


class InputError(ValueError):
    """Bad input: one line that says what came, what was expected, and what to do.

    The command line prints the line and leaves with exit code 2.
    """
