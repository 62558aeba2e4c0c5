"""Why needs cannot be told."""


class NeedsError(ValueError):
    """What is missing cannot be said or published; the text says why, and what to do next."""
