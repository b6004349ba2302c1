"""The one exception that means "the user can mend this"."""


class InputError(ValueError):
    """Bad input: one line that says what came, what was expected, and what to do.

    The command line prints the line and leaves with exit code 2.
    """


def system_words(error: OSError) -> str:
    """What the system refused, in one line; HDF5 adds lines of its own, with the time and the whole path."""
    said = (error.strerror or str(error)).strip()
    return (said.splitlines() or [type(error).__name__])[0].partition(" (file ")[0]
