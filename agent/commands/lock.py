"""`dosong-agent lock`: hold one modem on a technology, bands or a cell, and prove it.

What the modem was set to is kept first, where the agent keeps it too: `lock restore`, or the next
start of an agent that is not told to lock, gives it back.
"""

import argparse
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.commands import (
    DONE,
    FAILED,
    IN_USE,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.commands._modem import (
    HELD_BY_SERVICE,
    Chosen,
    NoSuchModemError,
    add_modem,
    choose,
    tell_errors,
    tell_failure,
)
from agent.lock import Lock
from agent.rat_hold import HoldError, RatHold
from agent.rat_setting import SavedSettings
from agent.snapshots import judge
from drivers.modem.errors import (
    GoneError,
    ModemError,
    RefusedError,
    TimedOutError,
)
from drivers.modem.modem import Modem
from drivers.modem.reading import Bands, LockedCell
from wire.cells import Cell
from wire.kinds import radio
from wire.messages import Modem as Identity
from wire.messages import Outcome, RatMode

RESTORE = "restore"
WAIT_S = 60.0
"""For a cell of the new kind; the slowest modems search that long."""
CONTRARY_S = 25.0
"""After so long on a cell that the lock forbids the radio goes off and on: that helps many."""
LOOK_EVERY_S = 1.0
RESTART_S = 90.0
"""Some modems restart when they are set anew: for their port to come back."""
_CELL_FIELDS = ("earfcn", "pci", "scs_khz", "band")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a lock."""

    modem: Identity
    asked: RatMode
    narrowed_to: str | None
    before: RatMode | None
    """What it was set to; None where that is none of ours."""
    wrote: bool
    """False: it was set so already."""
    read_back: RatMode | None
    narrowed_read_back: bool | None
    """Whether bands and cell are read back as asked; None where none are asked."""
    held: bool
    """Technology, bands and cell are read back as asked."""
    served: bool
    """A network takes it."""
    serving_agreed: bool | None
    """None where that cannot be told."""
    waited_s: float
    serving: Cell | None
    nr: Cell | None
    radio_switched: bool
    """It followed, if at all, only after its radio had gone off and on."""
    give_back: str
    """The command that does."""

    @property
    def good(self) -> bool:
        """Whether the lock is in effect as far as can be told."""
        return self.held and self.served and self.serving_agreed is not False


def _bands(text: str) -> tuple[str, tuple[int, ...]]:
    """`lte:3,7`."""
    name, _, numbers = text.partition(":")
    name = name.replace("-", "_").lower()
    known = Bands.__struct_fields__
    if name not in known or not re.fullmatch(r"[0-9]{1,5}(?:,[0-9]{1,5})*", numbers):
        what = f"'{text}' is not like lte:3,7; technologies: {', '.join(known)}"
        raise argparse.ArgumentTypeError(what)
    return name, tuple(int(number) for number in numbers.split(","))


def _cell(text: str) -> LockedCell:
    """`EARFCN:PCI`, for NR with `:SCS:BAND`."""
    if not re.fullmatch(r"[0-9]{1,7}:[0-9]{1,4}(?::[0-9]{0,3}:[0-9]{1,3})?", text):
        what = f"'{text}' is not like 1300:16 (EARFCN:PCI), for NR 627264:500:30:78 (:SCS:BAND)"
        raise argparse.ArgumentTypeError(what)
    numbers = (int(number) if number else None for number in text.split(":"))
    return LockedCell(**dict(zip(_CELL_FIELDS, numbers, strict=False)))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    modes = [mode.value for mode in RatMode]
    parser.add_argument(
        "mode",
        choices=[*modes, RESTORE],
        metavar="MODE",
        help=f"{' '.join(modes)}; or {RESTORE}: what it was set to before",
    )
    add_modem(parser)
    parser.add_argument(
        "--bands",
        type=_bands,
        nargs="+",
        action="extend",
        default=[],
        metavar="RAT:N,N",
        help="only these bands, e.g. lte:3,7 nr_sa:78",
    )
    parser.add_argument(
        "--cell", type=_cell, metavar="EARFCN:PCI[:SCS:BAND]", help="only this cell"
    )
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "error")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    errors = tell_errors()
    lock = None if chosen.mode == RESTORE else _lock(chosen)
    wrong = [] if lock is None else list(lock.contradictions())
    if lock is None and (chosen.bands or chosen.cell):
        wrong = [("bands" if chosen.bands else "cell", f"{RESTORE} takes none")]
    if wrong:
        for key, what in wrong:
            errors.out(f"--{key}: {what}")
        return FAILED
    try:
        modem = choose(chosen.modem, chosen.config)
        if modem.service_runs:
            errors.out(HELD_BY_SERVICE)
            return IN_USE
        if lock is None:
            return _restore(modem, errors, json=chosen.json)
        return _hold(modem, lock, errors, json=chosen.json)
    except (NoSuchModemError, HoldError) as error:
        errors.out(str(error))
        return FAILED
    except ModemError as error:
        return tell_failure(errors, error)


def _lock(chosen: argparse.Namespace) -> Lock:
    return Lock(
        mode=RatMode(chosen.mode),
        bands=Bands(**dict(chosen.bands)) if chosen.bands else None,
        cell=chosen.cell,
    )


def _saved(modem: Chosen) -> SavedSettings:
    """Where the agent finds it, too: raises `HoldError` where it could not read what we write."""
    folder = modem.config.state_dir
    with suppress(FileNotFoundError, KeyError):
        owner = folder.owner()
        if folder.stat().st_uid != os.geteuid():
            raise HoldError(
                f"{folder} belongs to {owner}, who could not give the lock back;"
                f" run it as that user: sudo -u {owner} dosong-agent lock ..."
            )
    return SavedSettings(folder / "rat-settings")


def _words_of(modem: Chosen) -> str:
    return modem.place.name if modem.configured else modem.place.place


def _hold(chosen: Chosen, lock: Lock, errors: Console, *, json: bool) -> int:
    give_back = f"dosong-agent lock {RESTORE} --modem {_words_of(chosen)}"
    hold = RatHold(_saved(chosen), lock)
    try:
        with errors.status("opening the modem") as line:
            made = _set(chosen, hold)
            with made.modem as modem:
                found = _wait(modem, lock, lambda said: line.update(f"waiting for a cell: {said}"))
                payload = found.payload
                held = hold.look()
                proof = Proof(
                    modem=modem.identity,
                    asked=lock.mode,
                    narrowed_to=lock.narrowed_to,
                    before=made.before,
                    wrote=made.wrote,
                    read_back=hold.read_back,
                    narrowed_read_back=hold.narrowed,
                    held=held,
                    served=judge(payload, modem.sim_state).outcome is Outcome.OK,
                    serving_agreed=lock.agrees(payload),
                    waited_s=round(found.waited_s, 1),
                    radio_switched=found.radio_switched,
                    serving=payload.serving,
                    nr=payload.nr,
                    give_back=give_back,
                )
    except KeyboardInterrupt:
        errors.out(f"The lock stays as far as it was set. To give it back: {give_back}")
        raise
    if json:
        stdout().out(msgspec.json.encode(proof).decode())
    else:
        _show(stdout(), proof, lock)
    return DONE if proof.good else FAILED


class _Set(NamedTuple):
    """An opened modem that was set."""

    modem: Modem
    before: RatMode | None
    wrote: bool


def _set(chosen: Chosen, hold: RatHold) -> _Set:
    """The modem, opened and set; it may restart on the way, and then is set by parts."""
    end_s = time.monotonic() + RESTART_S
    modem = chosen.open()
    wrote = False
    before: RatMode | None = None
    try:
        before = modem.read_lock()
        hold.attach(modem)
    except (GoneError, TimedOutError):
        modem.close()
        if not hold.wrote:
            raise
        wrote = True
        modem = _set_again(chosen, hold, end_s)
    except BaseException:
        modem.close()
        raise
    return _Set(modem, before, wrote or hold.wrote)


def _set_again(chosen: Chosen, hold: RatHold, end_s: float) -> Modem:
    while True:
        time.sleep(LOOK_EVERY_S)
        modem = None
        try:
            modem = chosen.open()
            hold.attach(modem)
        except (GoneError, TimedOutError):
            if modem is not None:
                modem.close()
            if time.monotonic() > end_s:
                raise
        else:
            return modem


class _Found(NamedTuple):
    """The first look that agreed, or the last one."""

    payload: radio.Payload
    waited_s: float
    radio_switched: bool


def _wait(modem: Modem, lock: Lock, tell: Callable[[str], None]) -> _Found:
    """Wait until the serving cell agrees, or for a minute."""
    begun_s = time.monotonic()
    payload = radio.Payload()
    switched = False
    while (passed_s := time.monotonic() - begun_s) < WAIT_S:
        # A modem that changes its cell may leave one question unanswered.
        with suppress(TimedOutError):
            payload = modem.read_radio()
        verdict = judge(payload, modem.sim_state)
        settled = verdict.outcome is Outcome.OK and not lock.forbids(payload)
        if settled and lock.agrees(payload) is not False:
            return _Found(payload, passed_s, switched)
        if passed_s > CONTRARY_S and lock.forbids(payload) and not switched:
            switched = True
            tell("its radio goes off and on")
            with suppress(RefusedError, TimedOutError):
                modem.radio_off_and_on()
        tell(f"{passed_s:.0f} s, {verdict.reason or 'served by another kind of cell'}")
        time.sleep(LOOK_EVERY_S)
    return _Found(payload, passed_s, switched)


def _show(console: Console, proof: Proof, lock: Lock) -> None:
    who = f"{escape(proof.modem.model or 'modem')}, IMEI {proof.modem.imei or 'unknown'}"
    verdict = "[green]is held on[/green]" if proof.good else "[red]is not held on[/red]"
    console.print(f"{who} {verdict} {lock}")
    table = Table(show_header=False)
    table.add_row("before", proof.before or "a setting of its own")
    table.add_row("set", "just now" if proof.wrote else "was so already: nothing was written")
    read_back = proof.read_back or "something else"
    if proof.narrowed_to is not None:
        as_asked = "bands and cell as asked" if proof.narrowed_read_back else "other bands or cell"
        read_back = f"{read_back}, {as_asked}"
    table.add_row("read back", read_back)
    table.add_row("serving cell", _cell_words(proof.serving))
    if proof.nr is not None:
        table.add_row("NR leg", _cell_words(proof.nr))
    agrees = {True: "agrees", False: "[red]does not agree[/red]", None: "cannot be told"}
    after = ", after its radio went off and on" if proof.radio_switched else ""
    table.add_row("the cell", agrees[proof.serving_agreed] + after)
    console.print(table)
    for sentence in _next(proof):
        console.print(f"-> {escape(sentence)}")


def _next(proof: Proof) -> list[str]:
    """What a person should do."""
    words = []
    if not proof.held:
        words.append("The modem did not keep it. Try again; then take its power away once.")
    elif proof.serving_agreed is False:
        words.append(
            "Set, but without effect, also after its radio went off and on. Some modems follow only"
            " when their power was taken away once; or there is no such network here."
        )
    elif not proof.served:
        words.append(
            "Set, but no network takes it: perhaps there is no such network here, or the card or"
            " the antenna is missing (`dosong-agent modems --ask`)."
        )
    elif proof.serving_agreed is None:
        words.append("An NR leg is there only while data flows: `dosong-agent once throughput`.")
    words.append(f"To give it back: {proof.give_back}")
    words.append("An agent that is started without `lock` for this modem gives it back as well.")
    return words


def _cell_words(cell: Cell | None) -> str:
    if cell is None:
        return "none"
    known = (
        ("band", cell.band),
        ("channel", cell.arfcn),
        ("PCI", cell.pci),
        ("RSRP dBm", cell.rsrp_dbm),
    )
    parts = [f"{name} {value:g}" for name, value in known if value is not None]
    return ", ".join([cell.rat.upper(), *parts])


def _restore(chosen: Chosen, errors: Console, *, json: bool) -> int:
    saved = _saved(chosen)
    with errors.status("opening the modem"), chosen.open() as modem:
        identity = modem.identity
        try:
            setting = saved.find(identity.imei or identity.usb_path)
        except OSError as error:
            raise HoldError(f"cannot read the modem's own setting: {error}") from error
    status = errors.status("giving its own setting back")
    with status, _set(chosen, RatHold(saved, None)).modem as modem:
        now = modem.read_lock()
    if json:
        answer = {"modem": identity, "restored": setting, "read_back": now}
        stdout().out(msgspec.json.encode(answer).decode())
    elif setting is None:
        stdout().print(f"Nothing to give back: no lock of ours is kept. It is set to {now}.")
    else:
        stdout().print(f"It has its own setting again ({now or 'none of our modes'}):")
        for name, value in setting.items():
            stdout().out(f"  {name} = {value}")
    return DONE


COMMAND = Command(
    "lock", "hold one modem on a technology, bands or a cell, with proof", _add_arguments, _run
)
