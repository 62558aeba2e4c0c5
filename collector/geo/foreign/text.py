"""Bytes as text, or an error that says which encoding they may be in."""

import codecs
from pathlib import Path

from collector.geo.geojson import GeographyError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(file: Path, content: bytes, encoding: str | None) -> str:
    """The text, by its byte order mark, else by `encoding`, else as UTF-8.

    Raises `GeographyError`.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(marked or encoding or "utf-8")
    except LookupError as error:
        raise GeographyError(file, None, str(error)) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        what = f"byte 0x{byte:02X} is not {(marked or encoding or 'utf-8').upper()}"
        if marked is None and encoding is None:
            what += (
                "; a file of older Vietnamese software may be in Windows-1258: save it as"
                ' "CSV UTF-8", or say --encoding cp1258'
            )
        raise GeographyError(file, f"line {line}", what) from error
    if "\0" in text:
        what = "holds zero bytes: UTF-16 without its mark? Save it as UTF-8"
        raise GeographyError(file, f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}", what)
    return text
