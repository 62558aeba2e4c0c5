import stat

import pytest

from agent.rat_setting import SavedSettings

SETTING = {"mode_pref": "AUTO", "nr5g_disable_mode": "0"}


def test_what_is_saved_is_found_until_it_is_forgotten(tmp_path):
    saved = SavedSettings(tmp_path / "settings")
    assert saved.find("867") is None
    saved.save("867", SETTING)
    assert SavedSettings(tmp_path / "settings").find("867") == SETTING
    assert saved.find("868") is None
    saved.forget("867")
    assert saved.find("867") is None
    saved.forget("867")


def test_a_usb_path_is_a_fit_name_too(tmp_path):
    saved = SavedSettings(tmp_path)
    saved.save("/dev/../x y", SETTING)
    assert saved.find("/dev/../x y") == SETTING
    assert [file.parent for file in tmp_path.rglob("*.json")] == [tmp_path]


@pytest.mark.parametrize("content", [b'{"mode_pref": "AU', b'{"mode_pref": "\xff"}'])
def test_a_damaged_file_is_no_setting(tmp_path, content):
    saved = SavedSettings(tmp_path)
    saved.save("867", SETTING)
    (tmp_path / "867.json").write_bytes(content)
    assert saved.find("867") is None


def test_a_file_of_an_older_agent_is_given_back(tmp_path):
    (tmp_path / "867.json").write_bytes(b'{"mode_pref": "AUTO", "nr5g_disable_mode": "0"}')
    saved = SavedSettings(tmp_path)
    assert (saved.find("867"), saved.held("867")) == (SETTING, SETTING.keys())


def test_no_draft_is_left_behind_and_nobody_else_may_read(tmp_path):
    SavedSettings(tmp_path).save("867", SETTING)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_which_levers_are_ours_is_kept_beside_it(tmp_path):
    saved = SavedSettings(tmp_path)
    assert saved.held("867") == frozenset()
    saved.save("867", SETTING)
    assert saved.held("867") == frozenset()
    saved.save("867", SETTING, held=["mode_pref"])
    assert (saved.held("867"), saved.find("867")) == ({"mode_pref"}, SETTING)
