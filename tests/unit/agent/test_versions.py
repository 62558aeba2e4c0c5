import pytest

from agent.versions import VersionError, Versions


@pytest.fixture
def versions(tmp_path):
    made = Versions(tmp_path / "things")
    for name in ("1", "2", "3"):
        made.stage(name, lambda folder, name=name: (folder / "said").write_text(name))
    return made


def said(versions):
    return (versions.folder / "current" / "said").read_text()


def test_the_first_version_has_nothing_to_prove(versions):
    assert versions.standing() == (None, None, False, 0)
    versions.use("1")
    assert versions.standing() == ("1", "1", False, 0)
    assert versions.count_try() == 0
    assert said(versions) == "1"


def test_another_is_on_trial_until_it_is_confirmed(versions):
    versions.use("1")
    versions.use("2")
    assert versions.standing() == ("2", "1", True, 0)
    assert [versions.count_try(), versions.count_try()] == [1, 2]
    assert versions.standing().tries == 2
    versions.confirm("1")  # somebody is late: it is not the current one's
    assert versions.standing().on_trial
    assert versions.confirm_current() == "2"
    assert versions.standing() == ("2", "1", False, 0)
    assert said(versions) == "2"


def test_what_failed_is_not_what_one_goes_back_to(versions):
    versions.use("1")
    versions.use("2")
    versions.use("3")
    assert versions.standing() == ("3", "1", True, 0)
    assert versions.back() == "1"
    assert versions.standing() == ("1", "1", False, 0)
    with pytest.raises(VersionError, match="nothing to go back to"):
        versions.back()


def test_a_second_trial_begins_to_count_anew(versions):
    versions.use("1")
    versions.use("2")
    versions.count_try()
    versions.back()
    versions.use("2")
    assert versions.standing() == ("2", "1", True, 0)


def test_two_that_are_both_refused_take_turns(versions):
    versions.use("1")
    versions.confirm("1")
    versions.use("2")
    assert versions.swap() == "1"
    assert versions.standing() == ("1", "2", True, 0)
    versions.count_try()
    assert versions.swap() == "2"
    assert versions.standing() == ("2", "1", True, 0)


def test_only_what_is_used_or_gone_back_to_is_kept(versions):
    versions.use("1")
    versions.use("2")
    versions.prune()
    assert versions.names() == ("1", "2")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "current", "tries", ".hidden", "x" * 51])
def test_a_name_is_a_plain_word(versions, name):
    with pytest.raises(VersionError, match="cannot be the name"):
        versions.use(name)
    with pytest.raises(VersionError, match="cannot be the name"):
        versions.stage(name, lambda _: None)


def test_a_version_is_there_once_and_whole(versions):
    with pytest.raises(VersionError, match="there already"):
        versions.stage("1", lambda _: None)
    with pytest.raises(VersionError, match="not there"):
        versions.use("4")
    with pytest.raises(OSError, match="no room"):
        versions.stage("4", _fail)
    assert versions.names() == ("1", "2", "3")
    versions.stage("4", lambda folder: (folder / "said").write_text("4"))
    versions.use("4")
    assert said(versions) == "4"


def _fail(folder):
    (folder / "said").write_text("half")
    raise OSError("no room")
