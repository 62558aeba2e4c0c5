"""The evidence of a verdict as files that anybody can read and compute with."""

import csv
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collector.evidence.again import Again
from collector.kpi import Area, Point
from collector.targets.show import WORDS, said
from collector.targets.verdict import HEADLINE, Verdict

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run a text that begins so; it is written with an apostrophe before it."""
_SCRIPTS = files("collector.evidence") / "scripts"
"""One for each KPI and one for headlines, which becomes `recompute.py`; what several of them need
lies in `shared` and always goes along."""
_NO_ROWS = pa.table(
    {name: pa.array([], pa.string()) for name in ("probe", "epoch", "seq", "reason")}
)


class EvidenceError(ValueError):
    """The evidence cannot be written there."""


def write(again: Again, folder: Path) -> tuple[Path, ...]:
    """Write all of it into a new or empty folder; the files. Raises `EvidenceError` or OSError.

    The folder is there wholly or not at all.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EvidenceError(f"{folder}: is not empty; name a folder that is not there yet")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".evidence-") as unfinished:
        made = Path(unfinished) / "evidence"
        made.mkdir()
        _fill(again, made)
        (made / "SHA256SUMS").write_text(_sums(made), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        made.replace(folder)
    return tuple(sorted(folder.iterdir()))


def _fill(again: Again, folder: Path) -> None:
    stored, kpi = again.stored, again.target.kpi
    rows = _NO_ROWS if again.rows is None else again.rows
    counts = pc.is_null(rows["reason"])
    _write_csv(folder / "rows_in.csv", rows.filter(counts).drop_columns(["reason"]))
    _write_csv(folder / "rows_out.csv", rows.filter(pc.invert(counts)))
    pq.write_table(rows, folder / "rows.parquet", compression="zstd")
    for name, table in kpi.beside(ground=again.ground, parameters=again.target.parameters).items():
        _write_csv(folder / f"{name}.csv", table)
    for name, content in (("verdict", stored), ("scope", _scope(again)), ("behind", again.behind)):
        text = msgspec.json.format(msgspec.json.encode(content), indent=1)
        (folder / f"{name}.json").write_bytes(text + b"\n")
    script = HEADLINE if stored.level == HEADLINE else kpi.name
    texts = {
        "target.toml": again.basis.target_text,
        "recompute.py": (_SCRIPTS / f"{script}.py").read_text(encoding="utf-8"),
        "README.txt": _read_me(again),
        **{
            one.name: one.read_text(encoding="utf-8")
            for one in (_SCRIPTS / "shared").iterdir()
            if one.name.endswith(".py")
        },
    }
    for name, kept in texts.items():
        (folder / name).write_text(kept, encoding="utf-8")


def _scope(again: Again) -> dict[str, Any]:
    """What a recomputation has to know besides rows, target and verdict."""
    stored = again.stored
    return {
        "level": stored.level,
        "code": stored.code,
        "operator": stored.operator,
        "together": again.target.kpi.together,
        "operators": again.ground.operators,
        "period": stored.period,
        "areas": _within(again.ground.areas, stored),
        "roads": [one for one in again.ground.roads if one.code == stored.code],
        "points": _within(again.ground.points, stored),
        "layers": again.basis.layers,
    }


def _within(places: Iterable[Area | Point], verdict: Verdict) -> list[Area | Point]:
    """The place that a verdict is about, and those inside of it."""
    return [one for one in places if verdict.code in {one.code, one.within.get(verdict.level)}]


def _write_csv(file: Path, rows: pa.Table) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(rows.column_names)
        for batch in rows.to_batches(max_chunksize=10_000):
            writer.writerows(_lines(batch))


def _lines(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _sums(folder: Path) -> str:
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(folder.iterdir())
    )


def _read_me(again: Again) -> str:
    verdict = again.stored
    about = {
        lang: (
            f"{verdict.target} · {verdict.name or verdict.code} · {verdict.operator}"
            f" · {verdict.period.label}: {WORDS[lang][verdict.verdict]}"
            f" {said(verdict.estimate, verdict.unit, lang)}".rstrip()
        )
        for lang in ("vi", "en")
    }
    template = (_SCRIPTS / "README.txt").read_text(encoding="utf-8")
    return template.format(
        vi=about["vi"],
        en=about["en"],
        id=verdict.id,
        rows_in=verdict.evidence.rows_in,
        rows_out=verdict.evidence.rows_out,
        software=verdict.evidence.software,
    )
