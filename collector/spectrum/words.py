"""What is said to people, in Vietnamese and English. Nothing here names a cause."""

from collections.abc import Iterable, Mapping, Sequence

from collector.kpi import Text
from collector.spectrum.carrier import Carrier
from collector.spectrum.dtt import Basis, ChannelInForce
from collector.spectrum.relation import Context, Harmonic, Relation, mhz
from collector.spectrum.rules import RelationRule
from collector.spectrum.symptom import Judged, Pattern

RELATIONS: Mapping[Relation, Text] = {
    Relation.OVERLAP: Text(vi="trùng phổ", en="overlap"),
    Relation.ADJACENT: Text(vi="kề kênh (< {width:g} MHz)", en="adjacent (< {width:g} MHz)"),
    Relation.HARMONIC: Text(vi="có thể có hài", en="harmonic possible"),
    Relation.NONE: Text(vi="không liên quan đến truyền hình mặt đất", en="no DTT relation"),
}

BASES: Mapping[Basis, Text] = {
    Basis.NATIONAL: Text(vi="toàn quốc", en="national"),
    Basis.REGIONAL: Text(vi="khu vực", en="regional"),
    Basis.LEGACY: Text(vi="giấy phép cũ, nếu còn", en="legacy licence, if one is left"),
    Basis.SPILL_OVER: Text(vi="lan từ khu vực bên cạnh", en="spill-over of the next region"),
}

PATTERNS: Mapping[Pattern, Text] = {
    Pattern.TOO_FEW: Text(vi="chưa đủ mẫu để nhận xét", en="too few samples to say"),
    Pattern.NONE: Text(
        vi="không thấy mức thu tốt mà chất lượng kém",
        en="good level with poor quality is not seen",
    ),
    Pattern.NEIGHBOUR: Text(
        vi="mức thu tốt, chất lượng kém; có cell lân cận cùng tần số mạnh gần bằng",
        en="good level, poor quality; a neighbour on the same carrier is nearly as strong",
    ),
    Pattern.FOLLOWS_LOAD: Text(
        vi=(
            "mức thu tốt, chất lượng kém nhưng không kém trong giờ thấp tải: diễn biến theo tải,"
            " khả năng nhiễu nội mạng cao hơn; nguyên nhân chưa được xác định"
        ),
        en=(
            "good level, poor quality, but not in the hours of low load: the pattern follows load,"
            " own-network interference is the likelier pattern; the cause is not established"
        ),
    ),
    Pattern.LOW_LOAD_UNKNOWN: Text(
        vi="mức thu tốt, chất lượng kém; chưa đo đủ trong giờ thấp tải",
        en="good level, poor quality; not measured enough in the hours of low load",
    ),
    Pattern.SYMPTOM: Text(
        vi="mức thu tốt, chất lượng kém, cả trong giờ thấp tải",
        en="good level, poor quality, also in the hours of low load",
    ),
}

_NEIGHBOURS_UNKNOWN = Text(
    vi=(
        "; modem không báo cell lân cận cùng tần số nào, nên chưa loại trừ được có cell mạnh"
        " gần bằng"
    ),
    en="; modems named no neighbour on the carrier, so that a near one is not ruled out",
)

UNKNOWN_CARRIER = Text(
    vi="không rõ sóng mang: số kênh và băng tần do modem báo mâu thuẫn",
    en="carrier unknown: the channel number and the band a modem names contradict each other",
)

CAN_SAY = Text(
    vi=(
        "Đầu đo chỉ có modem nói được: cell nào có mức thu tốt mà chất lượng kém, từ khi nào, trên"
        " sóng mang nào, giờ nào, ở đâu; kênh truyền hình theo quy hoạch có trùng hay kề sóng mang"
        " không; diễn biến có theo tải không; có cell lân cận mạnh không."
    ),
    en=(
        "A probe with modems only can say which cell has good level and poor quality, since when,"
        " on which carriers, at which hours and places; whether a television channel of the plan"
        " overlaps or adjoins the carrier; whether the pattern follows load; whether a neighbouring"
        " cell is strong."
    ),
)
CANNOT_SAY = Text(
    vi=(
        "Không nói được: truyền hình hay nguồn nào khác là nguyên nhân; thực tế đang phát gì trong"
        " 470-694 MHz; cường độ trường của truyền hình; nhiễu đường lên tại trạm gốc; người xem"
        " truyền hình có bị ảnh hưởng không; lỗi thuộc về ai. Việc đó cần máy phân tích phổ hoặc"
        " máy thu đo của cơ quan tần số."
    ),
    en=(
        "It cannot say that television or anything else is the source; what is on air in 470-694"
        " MHz; the field strength of television; interference in the uplink at the base station;"
        " whether viewers suffer; who is at fault. That needs a spectrum analyser or a monitoring"
        " receiver, and the frequency authority."
    ),
)


def relation(found: Relation, rule: RelationRule) -> Text:
    """A relation in words."""
    text, width = RELATIONS[found], rule.adjacent_below_mhz
    return Text(vi=text.vi.format(width=width), en=text.en.format(width=width))


def pattern(shows: Judged) -> Text:
    """What the hours of a cell show, and that neighbours may be missing from it."""
    text = PATTERNS[shows.pattern]
    if not shows.pattern.shown or shows.all_hours.neighbour_below_db is not None:
        return text
    return Text(vi=text.vi + _NEIGHBOURS_UNKNOWN.vi, en=text.en + _NEIGHBOURS_UNKNOWN.en)


def in_context(found: Context, standing: Sequence[ChannelInForce], rule: RelationRule) -> Text:
    """The relation of a carrier with the arithmetic behind it, and what kind of channel it is."""
    name = relation(found.relation, rule)
    if found.relation is Relation.NONE:
        return name
    why = _listed(found.why)
    legacy = _legacy(found, standing)
    return Text(
        vi=f"{name.vi}: {why.vi}{legacy.vi}",
        en=f"{name.en}: {why.en}{legacy.en}",
    )


def carrier(found: Carrier) -> Text:
    """A carrier in one line: technology, band, both directions."""
    prefix = "B" if found.rat.value == "lte" else "n"
    head = f"{found.rat.value.upper()} {prefix}{found.band}"
    down = mhz(found.downlink)
    if found.duplex == "TDD":
        return Text(vi=f"{head}, TDD {down} MHz", en=f"{head}, TDD {down} MHz")
    up = None if found.uplink is None else mhz(found.uplink)
    return Text(
        vi=f"{head}, đường xuống {down} MHz" + (f", đường lên {up} MHz" if up else ""),
        en=f"{head}, downlink {down} MHz" + (f", uplink {up} MHz" if up else ""),
    )


def report(context: Text) -> Text:
    """What a report may say of a degraded cell, and nothing beyond."""
    return Text(
        vi=(
            f"Suy giảm chất lượng chưa rõ nguyên nhân; bối cảnh phổ tần: {context.vi};"
            " đề nghị chuyển Trung tâm Tần số (trung tâm tần số vô tuyến điện khu vực)"
        ),
        en=(
            f"quality degradation of unknown cause; spectrum context: {context.en};"
            " refer to Trung tâm Tần số (the regional radio frequency centre)"
        ),
    )


def harmonics(found: Iterable[Harmonic]) -> Text:
    """Multiples as arithmetic, one after the other."""
    return _listed([one.said for one in found])


def numbers(found: Iterable[int]) -> str:
    """Channel numbers as short as they can be said: `21-32, 36`."""
    parts: list[list[int]] = []
    for number in sorted(set(found)):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _listed(texts: Sequence[Text]) -> Text:
    return Text(vi="; ".join(text.vi for text in texts), en="; ".join(text.en for text in texts))


def _legacy(found: Context, standing: Sequence[ChannelInForce]) -> Text:
    """That some of the related channels need a licence of before, and how long it may run."""
    related = [one.channel for one in found.related if one.relation is found.relation]
    old = {one.channel: one.until for one in standing if one.basis is Basis.LEGACY}
    mine = [number for number in related if number in old]
    if not mine:
        return Text(vi="", en="")
    channels, until = numbers(mine), old[mine[0]]
    vi_end = "" if until is None else f", chậm nhất đến {until:%d/%m/%Y}"
    en_end = "" if until is None else f", to {until.isoformat()} at the latest"
    return Text(
        vi=f" (kênh {channels} chỉ khi giấy phép cũ còn hiệu lực{vi_end})",
        en=f" (ch {channels} only where an old licence still runs{en_end})",
    )
