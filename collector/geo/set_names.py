"""Names of boundary sets."""


def is_of_set(title: str, name: str) -> bool:
    """Whether a set is the named one or a version of it: `communes 2` is one of `communes`."""
    return title == name or title.rpartition(" ")[0] == name
