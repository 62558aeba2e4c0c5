from agent.under_test import UnderTest


def test_an_interface_is_under_test_while_a_test_runs_over_it():
    under_test = UnderTest()
    with under_test.carrying("wwan0"), under_test.carrying("wwan0"):
        assert under_test.is_on("wwan0")
        assert not under_test.is_on("eth0")
        assert under_test.is_on(None)
    assert not under_test.is_on("wwan0")
    assert not under_test.is_on(None)


def test_a_test_that_nobody_knows_the_way_of_may_go_anywhere():
    under_test = UnderTest()
    with under_test.carrying(None):
        assert under_test.is_on("wwan0")
    assert not under_test.is_on("wwan0")
