from agent.publisher.lookout import Lookout


def looks(lookout, seconds, *, works):
    """When it looks, and when it says that the better path may be taken."""
    seen, taken = [], []
    for now_s in range(seconds):
        if lookout.is_due(now_s):
            seen.append(now_s)
            if lookout.saw(now_s, works=works):
                taken.append(now_s)
    return seen, taken


def test_a_path_is_taken_after_it_worked_twice():
    lookout = Lookout(60.0)
    lookout.begin(0.0)
    assert looks(lookout, 100, works=True) == ([60, 70], [70])


def test_a_path_that_stays_dead_is_looked_at_less_and_less():
    lookout = Lookout(60.0)
    lookout.begin(0.0)
    seen, taken = looks(lookout, 4000, works=False)
    assert seen == [60, 180, 420, 900, 1800, 2700, 3600]
    assert taken == []


def test_once_is_not_enough():
    lookout = Lookout(60.0)
    lookout.begin(0.0)
    assert not lookout.saw(60.0, works=True)
    assert not lookout.saw(70.0, works=False)
    assert not lookout.saw(200.0, works=True)


def test_a_path_that_did_not_hold_is_tried_later_the_next_time():
    lookout = Lookout(60.0)
    lookout.begin(0.0)
    looks(lookout, 100, works=True)
    lookout.begin(100.0)
    assert not lookout.is_due(219.0)
    assert lookout.is_due(220.0)


def test_on_the_best_path_nothing_is_looked_at():
    lookout = Lookout(60.0)
    lookout.begin(0.0)
    lookout.rest()
    assert not lookout.is_due(1e9)
