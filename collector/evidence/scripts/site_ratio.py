"""The number of sites of one technology over that of another, from `rows_in.csv`."""

import sys

from folder import compare, read_parameters, rows_that_count


def main() -> int:
    """Compute, compare, and say so."""
    parameters = read_parameters()
    sites: dict[str, set[tuple[str, str]]] = {"of": set(), "over": set()}
    for row in rows_that_count():
        for part, found in sites.items():
            if row["technology"] == parameters[part]:
                found.add((row["operator"], row["code"]))
    new, old = len(sites["of"]), len(sites["over"])
    ratio = new / old if old else None
    return compare(
        {"estimate": ratio, "lower": ratio, "upper": ratio, "n": new + old, "blocks": new + old}
    )


if __name__ == "__main__":
    sys.exit(main())
