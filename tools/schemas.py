"""Writes the JSON Schema of every record to docs/reference/schemas (`make schemas`)."""

import json
from pathlib import Path

from wire.schemas import schemas

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "schemas"


def texts() -> dict[str, str]:
    """File name to content."""
    return {
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas().items()
    }


def main() -> None:
    """Replace the files of the folder by today's schemas."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.schema.json"):
        old.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
