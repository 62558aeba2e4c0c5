import msgspec
import pytest

from agent.lock import Lock
from drivers.modem.reading import Bands, LockedCell
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload
from wire.messages import RatMode

ANCHOR = Cell(rat=Rat.LTE, band=3, arfcn=1300, pci=16)
LEG = Cell(rat=Rat.NR, band=78, arfcn=627264, pci=500)
LTE = Payload(serving=ANCHOR)
BUSY_LTE = Payload(serving=ANCHOR, rrc_state="connect")
NSA = Payload(serving=ANCHOR, nr=LEG)
SA = Payload(serving=LEG)
WCDMA = Payload(serving=Cell(rat=Rat.WCDMA))
NOTHING = Payload()
HERE = LockedCell(earfcn=1300, pci=16)
NR_CELL = LockedCell(earfcn=627264, pci=1007, scs_khz=30, band=78)


def unnamed(cell):
    return Payload(serving=msgspec.structs.replace(cell, band=None))


@pytest.mark.parametrize(
    ("lock", "payload", "agrees"),
    [
        (Lock(mode=RatMode.G4, bands=Bands(lte=(3, 7))), LTE, True),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(7,))), LTE, False),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(7,))), NOTHING, None),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(3,))), unnamed(ANCHOR), True),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(7,))), unnamed(ANCHOR), False),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(7,))), Payload(serving=Cell(rat=Rat.LTE)), None),
        (Lock(mode=RatMode.G5_NSA, bands=Bands(nr_nsa=(78,))), NSA, True),
        (Lock(mode=RatMode.G5_NSA, bands=Bands(nr_nsa=(41,))), NSA, False),
        (Lock(mode=RatMode.G5_NSA, bands=Bands(lte=(1,), nr_nsa=(78,))), NSA, False),
        (Lock(mode=RatMode.G5_SA, bands=Bands(nr_sa=(78,))), SA, True),
        (Lock(mode=RatMode.G4, cell=HERE), LTE, True),
        (Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1300, pci=17)), LTE, False),
        (Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1301, pci=16)), LTE, False),
        (Lock(mode=RatMode.G4, cell=HERE), Payload(serving=Cell(rat=Rat.LTE, pci=16)), None),
        (Lock(mode=RatMode.G4, cell=HERE), NOTHING, None),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(3,))), SA, False),
    ],
)
def test_bands_and_cell_have_to_agree_too(lock, payload, agrees):
    assert lock.agrees(payload) is agrees


@pytest.mark.parametrize(
    ("lock", "payload", "forbidden"),
    [
        (Lock(mode=RatMode.G4), SA, True),
        (Lock(mode=RatMode.G4), WCDMA, True),
        (Lock(mode=RatMode.G4), LTE, False),
        (Lock(mode=RatMode.G4), NOTHING, False),
        (Lock(mode=RatMode.G5), BUSY_LTE, False),
        (Lock(mode=RatMode.G5_NSA), BUSY_LTE, False),
        (Lock(mode=RatMode.G5_NSA), SA, True),
        (Lock(mode=RatMode.G5_SA), BUSY_LTE, True),
        (Lock(mode=RatMode.G5, cell=NR_CELL), BUSY_LTE, False),
        (Lock(mode=RatMode.G5_SA, cell=NR_CELL), BUSY_LTE, True),
        (Lock(mode=RatMode.AUTO), WCDMA, False),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(7,))), LTE, True),
        (Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1, pci=2)), LTE, True),
    ],
)
def test_a_lock_is_only_blamed_for_what_it_rules_out(lock, payload, forbidden):
    assert lock.forbids(payload) is forbidden


def test_a_lock_is_told_in_words():
    assert str(Lock(mode=RatMode.G4)) == "4g"
    assert Lock(mode=RatMode.G4).narrowed_to is None
    lock = Lock(mode=RatMode.G4, bands=Bands(lte=(3, 7)), cell=HERE)
    assert str(lock) == "4g, bands lte 3 7, cell 1300:16"


@pytest.mark.parametrize(
    "lock",
    [
        Lock(mode=RatMode.G4, bands=Bands(lte=(3, 7)), cell=HERE),
        Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1300, pci=16, band=3)),
        Lock(mode=RatMode.G5_NSA, bands=Bands(lte=(3,), nr_nsa=(78,)), cell=HERE),
        Lock(mode=RatMode.G5_SA, bands=Bands(nr_sa=(78,)), cell=NR_CELL),
        Lock(mode=RatMode.AUTO, bands=Bands(lte=(3,), wcdma=(1,), gsm_mhz=(900,))),
    ],
)
def test_a_plain_wish_contradicts_nothing(lock):
    assert list(lock.contradictions()) == []


@pytest.mark.parametrize(
    ("lock", "key", "words"),
    [
        (Lock(mode=RatMode.G4, bands=Bands()), "bands", "names no band"),
        (Lock(mode=RatMode.G4, bands=Bands(lte=())), "bands.lte", "leave it out to allow all"),
        (Lock(mode=RatMode.G4, bands=Bands(lte=(0,))), "bands.lte", "numbers from 1 to 256"),
        (Lock(mode=RatMode.G4, bands=Bands(nr_sa=(78,))), "bands.nr_sa", "uses lte only"),
        (Lock(mode=RatMode.G2, cell=HERE), "cell", "has no cell"),
        (Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1300)), "cell.pci", "from 0 to 503"),
        (Lock(mode=RatMode.G4, cell=NR_CELL), "cell.scs_khz", "belongs to an NR cell"),
        (
            Lock(mode=RatMode.G4, cell=LockedCell(earfcn=1300, pci=16, band=0)),
            "cell.band",
            "from 1 to 256",
        ),
        (Lock(mode=RatMode.G5_SA, cell=HERE), "cell.scs_khz", "one of 15, 30, 60, 120, 240"),
        (Lock(mode=RatMode.G5_SA, cell=HERE), "cell.band", "a cell of NR has a band"),
    ],
)
def test_a_contradiction_names_its_key(lock, key, words):
    assert any(place == key and words in what for place, what in lock.contradictions())
