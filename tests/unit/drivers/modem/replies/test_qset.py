import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.families.quectel import Quectel
from drivers.modem.reading import Bands, LockedCell
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.messages import RatMode

MODE = 'AT+QNWPREFCFG="mode_pref"'
DISABLE = 'AT+QNWPREFCFG="nr5g_disable_mode"'
LTE_BANDS = 'AT+QNWPREFCFG="lte_band"'
SCAN_MODE = 'AT+QCFG="nwscanmode"'
MASK = 'AT+QCFG="band"'


def said(command: str, line: str):
    response = f"{line}\r\n\r\nOK\r\n"
    return decode(vendor="quectel", model="RM520N-GL", command=command, response=response)


@pytest.mark.parametrize(
    ("said_", "allowed", "auto"),
    [
        ("AUTO", ["wcdma", "lte", "nr"], True),
        ("LTE", ["lte"], False),
        ("NR5G:LTE", ["lte", "nr"], False),
    ],
)
def test_preference_names_the_technologies(said_, allowed, auto):
    found = said(MODE, f'+QNWPREFCFG: "mode_pref",{said_}')["rat_lock"]
    assert (found["allowed"], found["auto"]) == (allowed, auto)


def test_second_lever_forbids_one_way_of_nr():
    found = said(DISABLE, '+QNWPREFCFG: "nr5g_disable_mode",1')["rat_lock"]
    assert (found["nr_sa"], found["nr_nsa"]) == (False, True)


def test_bit_below_the_number_is_the_band():
    assert said(MASK, '+QCFG: "band",0x0,0x44,0x0') == {"bands": {"lte": [3, 7]}}


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"common/4g",2,1300,16,300,44', [(1300, 16), (300, 44)]),
        ('"common/4g",0', []),
        ('"common/lte",1,1300,16', [(1300, 16)]),
        ('"common/lte"', []),
        ('"common/5g",901,504990,30,41', [(504990, 901)]),
        ('"common/5g",1,504990,901', [(504990, 901)]),
        ('"common/5g",0', []),
    ],
)
def test_cell_lock_has_its_own_order_for_each_technology(line, cells):
    found = said("AT+QNWLOCK", f"+QNWLOCK: {line}")["cell_lock"]["cells"]
    assert [(cell["earfcn"], cell["pci"]) for cell in found] == cells


def module(**table: str) -> tuple[Answers, Quectel]:
    modem = Answers(table)
    return modem, Quectel(Identification("Quectel", "RM520N-GL"), Dialogue(modem.send, modem.clock))


def fifth_generation() -> tuple[Answers, Quectel]:
    return module(
        **{
            MODE: '+QNWPREFCFG: "mode_pref",AUTO',
            DISABLE: '+QNWPREFCFG: "nr5g_disable_mode",0',
            LTE_BANDS: '+QNWPREFCFG: "lte_band",1:3:7:8',
            'AT+QNWLOCK="common/4g"': '+QNWLOCK: "common/4g"',
            'AT+QNWPREFCFG="mode_pref",LTE': "",
            'AT+QNWPREFCFG="lte_band",3:7': "",
            'AT+QNWLOCK="common/4g",1,1300,16': "",
        }
    )


def test_modem_is_held_on_bands_and_a_cell():
    modem, family = fifth_generation()
    family.lock(RatMode.G4, Bands(lte=(7, 3)), LockedCell(earfcn=1300, pci=16))
    assert modem.asked[-3:] == [
        'AT+QNWPREFCFG="mode_pref",LTE',
        'AT+QNWPREFCFG="lte_band",3:7',
        'AT+QNWLOCK="common/4g",1,1300,16',
    ]


def test_setting_has_the_bands_and_a_free_cell():
    setting = fifth_generation()[1].setting()
    assert (setting["lte_band"], setting["common/4g"]) == ("1:3:7:8", "0")
    assert "nr5g_band" not in setting


def test_what_is_held_is_read_back_in_any_order():
    modem, family = fifth_generation()
    wanted = family.wanted(RatMode.AUTO, Bands(lte=(8, 7, 3, 1)))
    assert family.holds(wanted)
    modem.table[LTE_BANDS] = '+QNWPREFCFG: "lte_band",1:3'
    assert not family.holds(wanted)


def test_mask_of_the_older_modules_leaves_the_others_alone():
    modem, family = module(
        **{SCAN_MODE: '+QCFG: "nwscanmode",0', MASK: '+QCFG: "band",0x10,0x44,0x0'}
    )
    wanted = family.wanted(None, Bands(lte=(3, 7)))
    assert wanted == {"band": "0,44,0"}
    assert family.holds(wanted)
    with pytest.raises(UnsupportedHoldError, match=r"bands of nr_sa; .* bands of lte"):
        family.wanted(None, Bands(nr_sa=(78,)))
    with pytest.raises(UnsupportedHoldError, match="a cell of lte"):
        family.wanted(None, None, LockedCell(earfcn=1300, pci=16))
    assert modem.asked.count(SCAN_MODE) == 1


@pytest.mark.parametrize(
    ("word", "sa", "nsa"), [("NR5G-SA", True, False), ("NR5G-NSA", False, True)]
)
def test_way_of_nr_may_be_part_of_the_preference(word, sa, nsa):
    found = said(MODE, f'+QNWPREFCFG: "mode_pref",{word}')["rat_lock"]
    assert (found["allowed"], found["nr_sa"], found["nr_nsa"]) == (["nr"], sa, nsa)


def test_no_band_is_none():
    found = said('AT+QNWPREFCFG="policy_band"', '+QNWPREFCFG: "nsa_nr5g_band",0')
    assert found == {"bands": {"nr_nsa": []}}


def test_choices_are_told_by_name():
    rows = (
        '"mode_pref",AUTO:LTE:NR5G\r\n+QNWPREFCFG: "lte_band",1:3:8\r\n+QNWPREFCFG: "x",B1:...:BN'
    )
    found = said("AT+QNWPREFCFG=?", f'+QNWPREFCFG: {rows}\r\n+QNWPREFCFG: "roam_pref",(0-2)')
    assert found == {
        "supported": {
            "mode_pref": ["AUTO", "LTE", "NR5G"],
            "lte_band": [1, 3, 8],
            "roam_pref": [0, 1, 2],
        }
    }


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"common/4g_ext",1,2,1300,16,300,44', [(1300, 16), (300, 44)]),
        ('"common/lte",1,1300,0,0', [(1300, None)]),
        ('"common/lte",2,1300,0,0', [(1300, 0)]),
        ('"common/lte",0,0,0,0', []),
    ],
)
def test_lock_to_a_channel_alone_names_no_cell(line, cells):
    found = said("AT+QNWLOCK", f"+QNWLOCK: {line}")["cell_lock"]["cells"]
    assert [(cell["earfcn"], cell.get("pci")) for cell in found] == cells


@pytest.mark.parametrize(
    ("line", "lock"),
    [
        ('"lte_earfcn_lock",2,1300:1600', {"rat": "lte", "cells": [1300, 1600]}),
        ('"lte_earfcn_lock",0', {"rat": "lte", "cells": []}),
        ('"nr5g_earfcn_lock",2,650000:30:504990:15', {"rat": "nr", "cells": [650000, 504990]}),
    ],
)
def test_channels_may_be_locked(line, lock):
    found = said("AT+QNWCFG", f"+QNWCFG: {line}")["cell_lock"]
    assert {**found, "cells": [cell["earfcn"] for cell in found["cells"]]} == lock


@pytest.mark.parametrize("line", ['"lte_ambr","m-wap",100,50', '"up/down",1,2', '"x"', ""])
def test_other_settings_of_the_network_are_no_list_of_cells(line):
    assert "unread" in said("AT+QNWCFG", f"+QNWCFG: {line}")


def test_usb_network_has_a_name():
    assert said('AT+QCFG="usbnet"', '+QCFG: "usbnet",2') == {"usb_profile": "mbim"}
    assert "unread" in said('AT+QCFG="usbnet"', '+QCFG: "usbnet",x')


def test_third_mask_of_the_lpwa_modules_is_nb_iot():
    response = '+QCFG: "band",0xf,0x4,0x80\r\n\r\nOK\r\n'
    found = decode(vendor="quectel", model="BG96", command=MASK, response=response)
    assert found == {"bands": {"lte": [3, 8]}}
    response = '+QCFG: "nwscanmode",0\r\n\r\nOK\r\n'
    found = decode(vendor="quectel", model="BG96", command=SCAN_MODE, response=response)
    assert found["rat_lock"] == {"allowed": ["gsm", "lte"], "auto": True}
