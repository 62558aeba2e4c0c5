"""Says which of the named TOML and JSON files do not parse, and where (a pre-commit hook)."""

import json
import sys
import tomllib
from pathlib import Path


def fault(path: Path) -> str | None:
    """What is wrong with the file, or None."""
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".toml":
            tomllib.loads(text)
        else:
            json.loads(text)
    except ValueError as error:
        return f"{path}: {error}"
    return None


if __name__ == "__main__":
    faults = [found for name in sys.argv[1:] if (found := fault(Path(name)))]
    sys.exit("\n".join(faults) or 0)
