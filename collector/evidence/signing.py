"""What stands: verdicts as they were signed, and what late data would make of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from collector.evidence.book import Signature, VerdictBook, VerdictBookError
from collector.kpi import Period
from collector.targets.verdict import Verdict, identified


class Standing(NamedTuple):
    """One verdict that stands."""

    verdict: Verdict
    signed_utc: datetime | None = None
    """None: nobody has signed it, so it follows the data."""
    signed_by: str | None = None
    amendment: int = 0
    """Number of the amendment it stands by; 0 is the first signature, or none."""
    late: str | None = None
    """Id of the verdict that the data give by now, where it is another one."""
    lapsed: bool = False
    """Whether nothing gives such a verdict by now: its target, area or operator is gone."""


class Signed(NamedTuple):
    """One signature with what has become of its verdicts."""

    signed_utc: datetime
    signed_by: str
    amendment: int
    late: int
    """Verdicts that the data give otherwise by now."""
    lapsed: int
    """Verdicts that nothing gives by now."""


def standing(
    book: VerdictBook, period: Period | None, found: Sequence[Verdict], *, target: str | None = None
) -> tuple[Standing, ...]:
    """What stands where the verdicts by today's data are `found`, all or those of one `target`.

    What was signed in `period` stands as it was signed, whatever has become of targets and areas;
    verdicts that were not there then follow as nobody's. Without a period each verdict is looked
    for in what was signed of its own. Raises `VerdictBookError`, also where a verdict is not what
    was signed.
    """
    if period is not None:
        return tuple(_of_period(book, period.label, found, target=target))
    labels = dict.fromkeys(one.period.label for one in found)
    return tuple(
        one
        for label in labels
        for one in _of_period(
            book,
            label,
            [one for one in found if one.period.label == label],
            target=target,
            only_of_it=True,
        )
    )


def signed(said: Sequence[Standing]) -> tuple[Signed, ...]:
    """The signatures that some verdicts stand by, the oldest first."""
    by_signature: dict[tuple[datetime, str, int], list[Standing]] = {}
    for one in said:
        if one.signed_utc is not None and one.signed_by is not None:
            key = (one.signed_utc, one.signed_by, one.amendment)
            by_signature.setdefault(key, []).append(one)
    return tuple(
        Signed(
            *key,
            late=sum(one.late is not None for one in by_signature[key]),
            lapsed=sum(one.lapsed for one in by_signature[key]),
        )
        for key in sorted(by_signature)
    )


def as_json(one: Standing) -> dict[str, Any]:
    """For a program: the verdict's own fields, and whose it is."""
    return {
        **msgspec.to_builtins(one.verdict),
        "signed_utc": one.signed_utc,
        "signed_by": one.signed_by,
        "amendment": one.amendment,
        "late_data_verdict": one.late,
        "lapsed": one.lapsed,
    }


def _of_period(
    book: VerdictBook,
    label: str,
    found: Sequence[Verdict],
    *,
    target: str | None,
    only_of_it: bool = False,
) -> Iterator[Standing]:
    signatures = book.signatures(label)
    by_now = {_scope(one): one for one in found}
    for one in _signed(book, signatures[-1]) if signatures else ():
        if target not in {None, one.target} or (only_of_it and one.period.label != label):
            continue
        yield _standing(one, by_now.pop(_scope(one), None), signatures[-1])
    yield from map(Standing, by_now.values())


def _signed(book: VerdictBook, signature: Signature) -> Iterator[Verdict]:
    for id_, content in zip(signature.ids, book.verdicts(signature.ids), strict=True):
        verdict = msgspec.json.decode(content, type=Verdict)
        if verdict.id != id_ or identified(verdict).id != id_:
            raise VerdictBookError(
                f"verdict {id_} of {signature.period} is not what was signed;"
                " restore the book from a backup"
            )
        yield verdict


def _standing(signed: Verdict, by_now: Verdict | None, signature: Signature) -> Standing:
    return Standing(
        signed,
        signature.signed_utc,
        signature.signed_by,
        signature.number,
        None if by_now is None or by_now.id == signed.id else by_now.id,
        lapsed=by_now is None,
    )


def _scope(verdict: Verdict) -> tuple[str, str | None, str, str, str]:
    return (
        verdict.target,
        verdict.boundary_set,
        verdict.level,
        verdict.code,
        verdict.operator,
    )
