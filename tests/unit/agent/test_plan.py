from agent.plan import NS_PER_S, Entry, modems_of, slot


def entry(**changes):
    return Entry(**{"name": "capacity", "activity": "throughput", "every_s": 600.0} | changes)


def due_s(planned, index=0, modem="a", modem_index=0, probe="dn-01"):
    found = slot(
        planned,
        probe=probe,
        modem=modem,
        modem_index=modem_index,
        index=index,
        start_mono_ns=1000 * NS_PER_S,
    )
    return found.due_mono_ns / NS_PER_S - 1000


def test_slots_stand_on_a_grid_from_the_start():
    planned = entry(start_after_s=30.0)
    assert [due_s(planned, index) for index in range(3)] == [30.0, 630.0, 1230.0]


def test_each_further_modem_begins_later():
    assert due_s(entry(stagger_s=60.0), modem="c", modem_index=2) == 120.0


def test_jitter_stays_within_its_bound_and_differs_between_probes():
    planned = entry(jitter_s=20.0)
    late_s = {due_s(planned, probe=f"dn-{number:02}") for number in range(50)}
    assert len(late_s) > 40
    assert all(0 <= each <= 20 for each in late_s)


def test_the_same_plan_gives_the_same_times_again():
    planned = entry(jitter_s=20.0)
    assert due_s(planned, 7) == due_s(planned, 7)


def test_an_entry_without_modems_means_each():
    assert modems_of(entry(), ("a", "b")) == ("a", "b")
    assert modems_of(entry(modems=("b",)), ("a", "b")) == ("b",)


def test_the_wait_is_never_longer_than_the_period():
    assert entry().wait_s == 30.0
    assert entry(every_s=10.0).wait_s == 10.0
    assert entry(max_wait_s=5.0).wait_s == 5.0
