"""Verdicts as a table for people, in the terminal."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text as Styled

from collector.kpi import Need
from collector.targets.verdict import HEADLINE, Value, Verdict
from collector.targets.words import Quantity

SYMBOLS = {
    Value.PASS: "✓",
    Value.FAIL: "✗",
    Value.NOT_PROVEN: "?",
    Value.NO_DATA: "·",
    Value.NOT_APPLICABLE: "-",
}
"""Beside the word and the colour, for whoever cannot tell the colours apart."""

WORDS = {
    "en": {
        Value.PASS: "PASS",
        Value.FAIL: "FAIL",
        Value.NOT_PROVEN: "NOT PROVEN",
        Value.NO_DATA: "NO DATA",
        Value.NOT_APPLICABLE: "NOT APPLICABLE",
    },
    "vi": {
        Value.PASS: "ĐẠT",
        Value.FAIL: "KHÔNG ĐẠT",
        Value.NOT_PROVEN: "CHƯA CHỨNG MINH ĐƯỢC",
        Value.NO_DATA: "CHƯA CÓ SỐ LIỆU",
        Value.NOT_APPLICABLE: "KHÔNG ÁP DỤNG",
    },
}

NEEDS = {
    "en": {
        "blocks": "more blocks",
        "passes": "more passes",
        "places": "more places",
        "other_cells": "more places, each served by another cell",
        "hours": "more hours of measuring",
        "day_parts": "more parts of the day",
        "visits": "more visits",
        "data_checks": "more data checks",
        "scans": "more days with a scan",
        "samples": "more samples",
        "common_blocks": "more blocks with every operator",
        "days": "more days",
        "cells": "more squares of the audit",
    },
    "vi": {
        "blocks": "khối đo nữa",
        "passes": "lượt chạy nữa",
        "places": "nơi đo nữa",
        "other_cells": "nơi đo nữa, mỗi nơi do một ô phủ sóng khác phục vụ",
        "hours": "giờ đo nữa",
        "day_parts": "khung giờ nữa",
        "visits": "lượt đến đo nữa",
        "data_checks": "lần thử dữ liệu nữa",
        "scans": "ngày có quét nữa",
        "samples": "mẫu nữa",
        "common_blocks": "khối đo chung của mọi nhà mạng nữa",
        "days": "ngày nữa",
        "cells": "ô kiểm tra nữa",
    },
}

_COLOURS = {
    Value.PASS: "green",
    Value.FAIL: "bold red",
    Value.NOT_PROVEN: "yellow",
    Value.NO_DATA: "dim",
    Value.NOT_APPLICABLE: "dim",
}
_HEADINGS = {
    "en": ("Target", "Where", "Operator", "Verdict", "Estimate", "Limits", "n", "Blocks", "Why"),
    "vi": (
        "Chỉ tiêu",
        "Nơi",
        "Nhà mạng",
        "Kết luận",
        "Ước lượng",
        "Giới hạn",
        "n",
        "Khối",
        "Lý do",
    ),
}


def table(verdicts: Iterable[Verdict], *, lang: str = "en") -> Table:
    """One line for each verdict, headlines set off; `lang` is `vi` or `en`."""
    made = Table(expand=False, pad_edge=False)
    for heading in _HEADINGS[lang]:
        made.add_column(heading, justify="right" if heading in {"n", "Blocks", "Khối"} else "left")
    for verdict in verdicts:
        if verdict.level == HEADLINE:
            made.add_section()
        made.add_row(
            verdict.target,
            Styled(verdict.name),
            Styled(verdict.operator),
            Styled(
                f"{SYMBOLS[verdict.verdict]} {WORDS[lang][verdict.verdict]}",
                style=_COLOURS[verdict.verdict],
            ),
            said(verdict.estimate, verdict.unit, lang),
            limits(verdict, lang),
            str(verdict.n),
            str(verdict.blocks),
            Styled(why(verdict, lang)),
            style="bold" if verdict.level == HEADLINE else "",
        )
    return made


def why(verdict: Verdict, lang: str) -> str:
    """The reason, and what is missing."""
    reason = verdict.reason.vi if lang == "vi" else verdict.reason.en
    return "; ".join([reason, *(needed(need, lang) for need in verdict.need)])


def said(value: float | None, unit: str, lang: str) -> str:
    """A value with its unit, or nothing for an unknown one."""
    if value is None:
        return ""
    quantity = Quantity(value, unit)
    return quantity.vi() if lang == "vi" else quantity.en()


def limits(verdict: Verdict, lang: str) -> str:
    """Both limits, or nothing."""
    if verdict.lower is None or verdict.upper is None:
        return ""
    return " … ".join(said(limit, verdict.unit, lang) for limit in (verdict.lower, verdict.upper))


def needed(need: Need, lang: str) -> str:
    """What is missing, as a short sentence."""
    more = "> 100 000" if need.more is None else f"+{need.more}"
    where = f" ({need.where})" if need.where else ""
    return f"{more} {NEEDS[lang][need.what]}{where}"
