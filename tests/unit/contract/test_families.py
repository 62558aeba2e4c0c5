"""What every modem family must do, against every persona of the simulator that is of its kind.

A persona `sim/transcripts/<family>.txt` or `<family>_<model>.txt` belongs to the family. Most of it
is asked of the persona in process; that the same goes over a line is asked once of each.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import combinations
from typing import NamedTuple

import msgspec
import pytest

from drivers.modem.errors import (
    TimedOutError,
    UnreadableError,
    UnsupportedHoldError,
    UnsupportedLockError,
    UnsupportedScanError,
)
from drivers.modem.family import Question, UsbLayout, families
from drivers.modem.modem import Modem, serving_agrees
from drivers.modem.port import Port
from drivers.modem.reading import Bands, LockedCell
from drivers.modem.standard import SimState, failure
from sim.modem.answer import Fault
from tests.unit.drivers.modem.far_ends import running_modem, standing_modem
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload, RegistrationState, Unread
from wire.messages import RatMode

from .personas import CARDS, PERSONAS, InProcessPort, family_of_persona, persona_named

CARD = "mobifone"
LOOKS = 50
WORDS_OF_FIELDS = {
    "pci": {"pci", "pci_hex"},
    "arfcn": {"arfcn", "arfcn_hex"},
    "band": {"band", "band_02"},
    "rsrp_dbm": {"rsrp", "rsrp_tenths", "rsrp_index", "rsrp_step"},
    "rsrq_db": {"rsrq", "rsrq_tenths", "rsrq_index"},
    "sinr_db": {"sinr", "sinr_tenths", "sinr_index", "sinr_half", "sinr_fifth", "sinr_step"},
}
LEVEL_DB = 2.0
"""Between what is heard and what is printed: indexes and whole numbers round."""
SOME_BANDS = {
    "gsm_mhz": (900,),
    "wcdma": (8, 1),
    "lte": (8, 3),
    "nr_nsa": (78, 41),
    "nr_sa": (78, 41),
}
"""Two where there is a choice, and not in their order: how they are told apart is tried as well."""
SOME_CELL = {
    Rat.LTE: (RatMode.G4, LockedCell(earfcn=1850, pci=211, band=3)),
    Rat.NR: (RatMode.G5_SA, LockedCell(earfcn=632736, pci=377, scs_khz=30, band=78)),
}


class Opened(NamedTuple):
    modem: Modem
    port: InProcessPort


@contextmanager
def opened(persona: str, card: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """The persona as a modem, without a line between."""
    port = InProcessPort(persona, card)
    monkeypatch.setattr(Port, "open", lambda path, clock: port)  # noqa: ARG005  # as the real one
    with Modem.open(persona, usb_path="1-1", clock=port.clock) as modem:
        yield Opened(modem, port)


@pytest.fixture(scope="module", params=PERSONAS)
def persona(request) -> str:
    return str(request.param)


@pytest.fixture
def plugged(persona, monkeypatch) -> Iterator[Opened]:
    """The persona with a card of the operator that has no more than LTE."""
    with opened(persona, CARD, monkeypatch) as plugged:
        yield plugged


@pytest.fixture(params=CARDS)
def on_each_card(persona, request, monkeypatch) -> Iterator[Opened]:
    with opened(persona, request.param, monkeypatch) as plugged:
        yield plugged


def in_one_spelling(modem: Modem, setting: dict[str, str]) -> dict[str, str]:
    return {name: modem._family.plain(value) for name, value in setting.items()}


def agrees(found: Cell, truth: Cell) -> bool:
    """Whether all that was found of a cell is so in the world."""
    exact = ("rat", "mcc", "mnc", "cell_id", "tac", "lac", "pci", "bsic", "arfcn", "band")
    told = [name for name in exact if getattr(found, name) is not None]
    same = all(getattr(found, name) == getattr(truth, name) for name in told)
    near = all(
        abs(getattr(found, name) - getattr(truth, name)) <= LEVEL_DB
        for name in ("rsrp_dbm", "rsrq_db", "sinr_db", "rssi_dbm")
        if None not in {getattr(found, name), getattr(truth, name)}
    )
    return same and near


def not_understood(look: Payload) -> list[Unread]:
    """Without service some modems refuse to say what serves: that is told, and understood."""
    finals = {one: one.text.splitlines()[-1] for one in look.unread}
    return [one for one, final in finals.items() if failure(final) is None]


def assert_neighbours_agree(look: Payload, truth: Payload) -> None:
    known = {(cell.rat, cell.arfcn, cell.pci): cell for cell in (*truth.neighbours, truth.serving)}
    for found in look.neighbours:
        cell = known.get((found.rat, found.arfcn, found.pci))
        assert cell is not None, ("no such cell in the world", found)
        assert found.rsrp_dbm is not None, ("a neighbour without its level", found)
        # The weakest RSRQ that an index can say is -20 dB; a neighbour often has less.
        level = msgspec.structs.replace(found, rsrq_db=None)
        assert agrees(level, cell), (found, cell)


def printed(persona: str, questions: Iterable[Question]) -> set[str]:
    """Words of the rows that the persona prints once while LTE serves, for these questions."""
    words: set[str] = set()
    for question in questions:
        match = persona_named(persona).match(question.command)
        for variant in match[0].variants if match else ():
            modes = dict(variant.condition.patterns).get("mode", "lte")
            if re.fullmatch(modes, "lte"):
                rows = (row.template for row in variant.rows if row.repeat is None)
                words.update(*(re.findall(r"\{(\w+)\}", row) for row in rows))
    return words


def assert_agrees(look: Payload, truth: Payload) -> None:
    if truth.serving is None:
        assert look.serving is None
        assert not_understood(look) == []
        return
    assert look.unread == ()
    assert look.serving is not None
    assert look.serving.arfcn is not None or look.serving.cell_id is not None
    assert look.serving.rsrp_dbm is not None or look.serving.rssi_dbm is not None
    assert agrees(look.serving, truth.serving), (look.serving, truth.serving)
    if look.nr is not None:
        assert truth.nr is not None
        assert agrees(look.nr, truth.nr), (look.nr, truth.nr)


def test_every_family_has_a_persona():
    assert set(families()) == {family_of_persona(name) for name in PERSONAS}


def test_names_are_unique():
    names = [family.name for family in families()]
    assert len(names) == len(set(names))


def test_no_vendor_is_claimed_twice():
    named = [(name.lower(), family) for family in families() for name in family.vendors]
    for (one, family), (other, another) in combinations(named, 2):
        assert one != other, f"{family.name} and {another.name} are both called {one}"


def layouts() -> Iterator[tuple[str, UsbLayout]]:
    for family in families():
        for layout in family.usb:
            yield family.name, layout


def test_no_usb_id_is_claimed_twice():
    for (one, layout), (other, another) in combinations(layouts(), 2):
        if layout.vendor_id == another.vendor_id:
            both = [f"{id_:04x}" for id_ in layout.product_ids & another.product_ids]
            assert not both, f"{one} and {other} both claim {layout.vendor_id:04x}:{both}"


def test_persona_says_what_it_is_and_where_that_comes_from(persona):
    header = persona_named(persona)
    assert header.maker
    assert header.model
    assert header.firmware
    assert header.provenance.endswith(".")


def test_modem_is_identified(persona, plugged):
    modem, _ = plugged
    assert modem.family == family_of_persona(persona).name
    assert modem.identity.imei == "860000000000017"
    assert modem.identity.model == persona_named(persona).model
    assert modem.identity.firmware
    assert (modem.sim.iccid, modem.sim.home_plmn) == ("8984010000000000013", "45201")


def test_look_finds_the_cell_of_the_world(on_each_card):
    modem, port = on_each_card
    look, truth = modem.read_radio(neighbours=True), port.truth()
    assert look.registration == truth.registration
    assert look.plmn == truth.plmn
    assert_agrees(look, truth)
    assert_neighbours_agree(look, truth)


def test_nothing_that_is_printed_of_the_serving_cell_is_lost(persona, plugged):
    modem, port = plugged
    serving = modem.read_radio().serving
    assert port.truth().mode == "lte"
    assert serving is not None
    said = printed(persona, [one for one in modem._family.questions() if not one.for_neighbours])
    for field, words in WORDS_OF_FIELDS.items():
        if said & words:
            value = getattr(serving, field)
            if field == "sinr_db" and value is None:
                value = serving.sinr_raw
            assert value is not None, f"the transcript prints {said & words}, but {field} is None"


def test_look_has_cell_area_and_level(plugged):
    look = plugged.modem.read_radio(neighbours=True)
    assert (look.mode, look.registration) == ("lte", RegistrationState.HOME)
    assert look.serving is not None
    assert look.serving.cell_id
    assert look.serving.tac
    assert look.serving.rsrp_dbm is not None


def test_radio_that_is_off_hears_nothing(plugged):
    modem, port = plugged
    port.command("AT+CFUN=4", 1.0)
    look = modem.read_radio(neighbours=True)
    assert (look.serving, look.nr, look.neighbours) == (None, None, ())
    assert not_understood(look) == []
    assert look.registration is not RegistrationState.HOME


@pytest.mark.parametrize(
    ("fault", "state"), [(Fault.NO_SIM, SimState.ABSENT), (Fault.SIM_PIN, SimState.PIN)]
)
def test_card_that_cannot_be_used_is_a_state_and_no_pin_is_tried(plugged, fault, state):
    modem, port = plugged
    modem.read_radio()
    port.faults = frozenset({fault})
    look = modem.read_radio()
    assert look.registration is not RegistrationState.HOME
    assert not_understood(look) == []
    assert modem.sim_state is state
    assert not [line for line in port.sent if line.upper().startswith("AT+CPIN=")]


def test_denied_registration_is_a_state(plugged):
    modem, port = plugged
    port.faults = frozenset({Fault.DENIED})
    assert modem.read_radio().registration is RegistrationState.DENIED


def test_every_claimed_lock_is_read_back_and_given_back(on_each_card):
    modem, port = on_each_card
    before = modem.setting()
    assert before
    assert modem.supported_locks
    for mode in modem.supported_locks:
        modem.lock(mode)
        assert modem.read_lock() is mode
        assert modem.holds(mode)
        look = modem.read_radio()
        assert serving_agrees(look, mode) is not False
        assert_agrees(look, port.truth())
    modem.restore(before)
    assert modem.setting() == before


def test_lock_that_is_not_claimed_changes_nothing(plugged):
    modem, _ = plugged
    before = modem.setting()
    for mode in set(RatMode) - modem.supported_locks:
        with pytest.raises(UnsupportedLockError):
            modem.lock(mode)
    assert modem.setting() == before


def test_every_claimed_band_lock_is_read_back_and_given_back(plugged):
    modem, _ = plugged
    before = in_one_spelling(modem, modem.setting())
    setting = modem.setting()
    for name in modem.supported_bands:
        bands = Bands(**{name: SOME_BANDS[name]})
        assert not modem.holds(None, bands=bands)
        modem.lock(None, bands=bands)
        assert modem.holds(None, bands=bands)
        modem.restore(setting)
        assert in_one_spelling(modem, modem.setting()) == before


def test_every_claimed_cell_lock_is_read_back_and_given_back(plugged):
    modem, _ = plugged
    before = in_one_spelling(modem, modem.setting())
    setting = modem.setting()
    for rat in modem.supported_cells:
        mode, cell = SOME_CELL[rat]
        wanted = mode if mode in modem.supported_locks else None
        assert not modem.holds(wanted, cell=cell)
        modem.lock(wanted, cell=cell)
        assert modem.holds(wanted, cell=cell)
        modem.restore(setting)
        assert in_one_spelling(modem, modem.setting()) == before


def test_hold_that_is_not_claimed_changes_nothing(plugged):
    modem, _ = plugged
    before = modem.setting()
    for name in SOME_BANDS.keys() - set(modem.supported_bands):
        with pytest.raises(UnsupportedHoldError):
            modem.lock(None, bands=Bands(**{name: SOME_BANDS[name]}))
    if not modem.supported_cells:
        with pytest.raises(UnsupportedHoldError):
            modem.lock(None, cell=SOME_CELL[Rat.LTE][1])
    assert modem.setting() == before


def test_scan_finds_the_own_network(plugged):
    modem, _ = plugged
    scan = modem.scan()
    assert scan.unread is None
    assert "45201" in {cell.plmn for cell in scan.cells}


def test_scan_for_gsm_hears_gsm_or_says_that_it_has_no_radio_for_it(plugged):
    """Wherever there is a radio for it the world has some, by whatever command."""
    modem, port = plugged
    if RatMode.G2 not in modem.supported_locks:
        with pytest.raises(UnsupportedScanError, match="no scan for gsm: this modem knows"):
            modem.scan(frozenset({Rat.GSM}))
        return
    scan = modem.scan(frozenset({Rat.GSM}))
    assert (scan.unread, scan.rats) == (None, (Rat.GSM,))
    assert {cell.rat for cell in scan.cells} == {Rat.GSM}
    port.command("AT+CFUN=4", 1.0)
    assert modem.scan(frozenset({Rat.GSM})).cells == ()


def test_name_servers_are_addresses_in_pieces_as_well(plugged):
    modem, port = plugged
    whole = modem.name_servers()
    assert all(ip_address(server) for server in whole)
    port.in_pieces = True
    assert modem.name_servers() == whole


def test_bytes_one_at_a_time_are_the_same_look(plugged):
    modem, port = plugged
    whole = modem.read_radio(neighbours=True)
    port.in_pieces = True
    assert modem.read_radio(neighbours=True) == whole


@pytest.mark.parametrize("line", ["what", "\x7f~}{", "+NOBODY: 1,2,3", "1,2,3", "x" * 3000])
def test_garbage_is_no_answer_of_whoever_tells_the_serving_cell(plugged, line):
    """Taken for "no cell" it would prove a gap."""
    modem, _ = plugged
    family = modem._family
    for question in family.questions():
        if question.vital:
            with pytest.raises(UnreadableError):
                family._understand(question.command, (line,))


def test_garbage_is_survived(plugged):
    modem, port = plugged
    good = modem.read_radio()
    port.garbage = True
    for _ in range(LOOKS):
        with pytest.raises(TimedOutError):
            modem.read_radio()
    port.garbage = False
    assert modem.read_radio().serving == good.serving


def test_it_is_the_same_over_a_line(persona, plugged, tmp_path):
    options = standing_modem(tmp_path, CARD, persona=persona)
    with (
        running_modem(tmp_path / "tty", *options) as simulated,
        Modem.open(simulated.path, usb_path="1-1") as modem,
    ):
        assert (modem.identity, modem.sim) == (plugged.modem.identity, plugged.modem.sim)
        assert modem.supported_locks == plugged.modem.supported_locks
        look = modem.read_radio(neighbours=True)
        simulated.fault("split")
        assert modem.read_radio().serving == look.serving
    assert look.unread == ()
    assert look.serving is not None
    assert look.serving.cell_id == plugged.modem.read_radio().serving.cell_id
