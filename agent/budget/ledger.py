"""Who carried how much, and what is reserved. Arithmetic only: no I/O, the time is passed in."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from agent.budget.book import Account, Book, Day, Lost, Reading, Reservation, Seen
from agent.budget.period import Period, local_day, midnight
from agent.clock import Stamp

NS_PER_HOUR = 3_600_000_000_000
KEPT_DAYS = 100
"""Three periods: enough for the forecast and for whoever asks about last month."""
WRAP = 1 << 32
"""Some drivers count in 32 bits."""
NEW_WEIGHT = 0.3
"""Of the newest test in what one usually takes."""
UNKNOWN_CARD = "modem:"
"""Starts the name of an account without an ICCID."""
MOST_BYTES = 1 << 50
"""No interface of ours carries more between two looks: such a counter is nonsense."""


class Ledger:
    """The only owner of a `Book`. Not for use by several threads."""

    def __init__(self, book: Book | None = None) -> None:
        """Reservations of the book are of an agent that ended: `observe` settles them."""
        self.book = Book() if book is None else book
        self._live: set[int] = set()
        self._cards: dict[str, str] = {}

    def key(self, modem: str) -> str:
        """The account that a modem spends from now."""
        return self._cards.get(modem, UNKNOWN_CARD + modem)

    def keys(self, modem: str) -> tuple[str, ...]:
        """The accounts to decide by: as long as the SIM is not read, the last known one too."""
        key, last = self.key(modem), self.book.cards.get(modem)
        return (key,) if last is None or last == key else (last, key)

    def account(self, key: str) -> Account:
        """The account, made when it is new."""
        return self.book.accounts.setdefault(key, Account())

    def begin(self, stamp: Stamp) -> None:
        """After a start: what was reserved in an earlier boot is spent as far as we can know."""
        for number, reservation in list(self.book.reservations.items()):
            if reservation.boot_id != stamp.boot_id:
                self._charge(reservation.account, reservation.open_bytes, stamp, reservation.day)
                del self.book.reservations[number]
        for account in self.book.accounts.values():
            _gather(account, stamp.boot_id)

    def lose(self, stamp: Stamp) -> None:
        """An earlier ledger could not be read."""
        self.book.lost = Lost(boot_id=stamp.boot_id, utc=stamp.utc)

    def observe(
        self,
        modem: str,
        reading: Reading | None,
        iccid: str | None,
        stamp: Stamp,
        *,
        countable: bool = True,
    ) -> int:
        """Count what was carried since the last look, then learn which SIM is in it now.

        What is carried between two looks belongs to the SIM of the earlier one. `countable` is
        false for a modem whose tests are bound to no interface. The bytes that were counted.
        """
        self._date_undated(stamp)
        counted = 0 if reading is None else self._count(modem, reading, stamp)
        self._learn_card(modem, iccid)
        if reading is not None:
            self.book.seen[modem] = Seen(
                reading=reading, boot_id=stamp.boot_id, account=self.key(modem)
            )
        if reading is not None or not countable:
            for number, reservation in list(self.book.reservations.items()):
                if reservation.modem == modem and number not in self._live:
                    self.settle(number, carried_bytes=None, counted=countable, stamp=stamp)
        return counted

    def reserve(
        self, modem: str, most_bytes: int, *, plan: str | None, optional: bool, stamp: Stamp
    ) -> int:
        """Set the worst case of a test aside; its number."""
        number = self.book.next_reservation
        self.book.next_reservation += 1
        self.book.reservations[number] = Reservation(
            modem=modem,
            account=self.key(modem),
            most_bytes=most_bytes,
            boot_id=stamp.boot_id,
            day=None if stamp.utc is None else local_day(stamp.utc),
            plan=plan,
            optional=optional,
        )
        self._live.add(number)
        return number

    def cancel(self, number: int) -> None:
        """Take a reservation back before its test has begun."""
        self.book.reservations.pop(number, None)
        self._live.discard(number)

    def settle(
        self, number: int, *, carried_bytes: int | None, counted: bool, stamp: Stamp
    ) -> int | None:
        """Replace a reservation by what was counted: its cost; None when there is none such.

        Where the counters do not cover the test to its end (`counted` false, or the interface
        began anew) it costs what it says it carried, or else all that was reserved.
        """
        reservation = self.book.reservations.pop(number, None)
        self._live.discard(number)
        if reservation is None:
            return None
        if not counted or reservation.gap:
            whole = reservation.most_bytes if carried_bytes is None else carried_bytes
            rest = max(0, whole - reservation.counted_bytes)
            self._charge(reservation.account, rest, stamp, reservation.day)
            reservation.counted_bytes += rest
        cost = reservation.counted_bytes
        account = self.account(reservation.account)
        if reservation.plan is not None:
            usual = account.typical_bytes.get(reservation.plan, float(cost))
            account.typical_bytes[reservation.plan] = usual + NEW_WEIGHT * (cost - usual)
        if reservation.optional:
            day = self._day(account, stamp)
            if day is not None:
                day.optional_bytes += cost
                day.wanted_bytes += cost
        return cost

    def leave_out(self, modem: str, plan: str, stamp: Stamp) -> None:
        """Note that an optional test was not run for want of data."""
        account = self.account(self.key(modem))
        day = self._day(account, stamp)
        if day is not None:
            day.wanted_bytes += round(account.typical_bytes.get(plan, 0.0))

    def used_bytes(self, keys: tuple[str, ...], period: Period | None) -> int:
        """Carried in the period; with what is not dated yet. None stands for ever."""
        return sum(
            sum(
                day.carried_bytes
                for date_, day in account.days.items()
                if period is None or period.start <= date_ < period.end
            )
            + sum(sum(hours.values()) for hours in account.undated.values())
            for account in (self.book.accounts.get(key) for key in keys)
            if account is not None
        )

    def reserved_bytes(self, keys: tuple[str, ...]) -> int:
        """What tests that run may still take."""
        return sum(one.open_bytes for one in self.book.reservations.values() if one.account in keys)

    def is_covered(self, modem: str) -> bool:
        """Whether what this modem carries now is reserved already."""
        reservations = self.book.reservations.values()
        return any(one.modem == modem and one.open_bytes for one in reservations)

    def _count(self, modem: str, reading: Reading, stamp: Stamp) -> int:
        """Charge how much the counters grew since the last look."""
        last = self.book.seen.get(modem)
        continues = (
            last is not None
            and last.boot_id == stamp.boot_id
            and last.reading.interface == reading.interface
            and last.reading.index == reading.index
        )
        if last is None:
            key, grown = self.key(modem), 0  # counting begins
        elif continues:
            key = last.account
            grown = _grown(last.reading.rx_bytes, reading.rx_bytes)
            grown += _grown(last.reading.tx_bytes, reading.tx_bytes)
        else:
            key, grown = self.key(modem), reading.rx_bytes + reading.tx_bytes
        grown = min(grown, MOST_BYTES)
        self._charge(key, grown, stamp, None)
        for reservation in self.book.reservations.values():
            if reservation.modem == modem:
                reservation.counted_bytes += grown if continues else 0
                reservation.gap = reservation.gap or not continues
        return grown

    def _learn_card(self, modem: str, iccid: str | None) -> None:
        if iccid is None:
            self._cards.pop(modem, None)
            return
        for other in [name for name, card in self._cards.items() if card == iccid]:
            del self._cards[other]
        self._cards[modem] = self.book.cards[modem] = iccid
        nameless = UNKNOWN_CARD + modem
        account = self.book.accounts.pop(nameless, None)
        if account is not None:
            _merge(account, self.account(iccid))
        for reservation in self.book.reservations.values():
            if reservation.account == nameless:
                reservation.account = iccid

    def _charge(self, key: str, count: int, stamp: Stamp, day: date | None) -> None:
        if count <= 0:
            return
        account = self.account(key)
        if day is None and stamp.utc is None:
            hours = account.undated.setdefault(stamp.boot_id, {})
            hour = stamp.mono_ns // NS_PER_HOUR
            hours[hour] = hours.get(hour, 0) + count
            return
        on = local_day(stamp.utc) if day is None and stamp.utc is not None else day
        if on is not None:
            account.days.setdefault(on, Day()).carried_bytes += count

    def _day(self, account: Account, stamp: Stamp) -> Day | None:
        if stamp.utc is None:
            return None
        return account.days.setdefault(local_day(stamp.utc), Day())

    def _date_undated(self, stamp: Stamp) -> None:
        """The time is known: give every count its day, also that of a loss."""
        if stamp.utc is None:
            return
        utc = stamp.utc
        today = local_day(utc)

        def day_of(boot_id: UUID, hour: int) -> date:
            if boot_id != stamp.boot_id:
                return today  # when that boot was is not known: no later than now
            ago_ns = stamp.mono_ns - hour * NS_PER_HOUR - NS_PER_HOUR // 2
            return local_day(utc - timedelta(microseconds=max(0, ago_ns) / 1000))

        for account in self.book.accounts.values():
            _date(account, day_of)
        if self.book.last_day is None or today != self.book.last_day:
            self.book.last_day = today
            self._forget_old()
        lost = self.book.lost
        if lost is not None and lost.utc is None:
            self.book.lost = msgspec.structs.replace(lost, utc=utc)

    def _forget_old(self) -> None:
        """By number, not by date: a clock that was wrong once must not empty the ledger."""
        for account in self.book.accounts.values():
            account.days = dict(sorted(account.days.items())[-KEPT_DAYS:])
            account.told = dict(sorted(account.told.items())[-KEPT_DAYS:])


def _grown(before: int, now: int) -> int:
    """How much a counter of one interface grew; one that fell has wrapped or begun anew."""
    if now >= before:
        return now - before
    if WRAP // 2 <= before < WRAP:
        return now + WRAP - before
    return now


def _date(account: Account, day_of: Callable[[UUID, int], date]) -> None:
    undated, account.undated = account.undated, {}
    for boot_id, hours in undated.items():
        for hour, count in hours.items():
            account.days.setdefault(day_of(boot_id, hour), Day()).carried_bytes += count


def _gather(account: Account, boot_id: UUID) -> None:
    """When boots before this one were is never to be known: one sum for all of them."""
    earlier = {boot: hours for boot, hours in account.undated.items() if boot != boot_id}
    if not earlier:
        return
    total = sum(sum(hours.values()) for hours in earlier.values())
    this = account.undated.get(boot_id)
    account.undated = {min(earlier): {0: total}} | ({} if this is None else {boot_id: this})


def _merge(source: Account, target: Account) -> None:
    for day, one in source.days.items():
        into = target.days.setdefault(day, Day())
        into.carried_bytes += one.carried_bytes
        into.optional_bytes += one.optional_bytes
        into.wanted_bytes += one.wanted_bytes
    for boot_id, hours in source.undated.items():
        into_hours = target.undated.setdefault(boot_id, {})
        for hour, count in hours.items():
            into_hours[hour] = into_hours.get(hour, 0) + count
    target.typical_bytes = source.typical_bytes | target.typical_bytes


def moment(stamp: Stamp, last_day: date | None) -> datetime | None:
    """The instant to decide by: now, or the middle of the last known day."""
    if stamp.utc is not None:
        return stamp.utc
    return None if last_day is None else midnight(last_day) + timedelta(hours=12)
