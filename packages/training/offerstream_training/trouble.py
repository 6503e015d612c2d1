"""Expected trouble: what was wanted, what was found and which one, in one line for the user."""


class Trouble(Exception):
    """Ends a command with its message and no traceback."""
