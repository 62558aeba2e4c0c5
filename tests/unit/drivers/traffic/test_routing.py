import socket

from drivers.traffic.routing import TABLE_BASE, Change, Found, Route, Rule, plan

V4, V6 = socket.AF_INET, socket.AF_INET6
MAIN = 254
TABLE = TABLE_BASE + 7


def kernel(*routes: Route, ours=(), rules=(), links=None, addressed=((V4, 7),)) -> Found:
    return Found(
        links={"wwan0": 7, "eth0": 2} if links is None else links,
        addressed=frozenset(addressed),
        routes=(*routes, *ours),
        ours=frozenset(ours),
        rules=tuple(rules),
    )


def carried_out(change: Change, found: Found) -> Found:
    ours = (found.ours - set(change.remove_routes)) | set(change.add_routes)
    rules = [rule for rule in found.rules if rule not in change.remove_rules]
    theirs = [route for route in found.routes if route not in found.ours]
    return found._replace(routes=(*theirs, *ours), ours=ours, rules=(*rules, *change.add_rules))


NETWORK = Route(V4, MAIN, "10.7.0.0/30", None, 7)
DEFAULT = Route(V4, MAIN, "0.0.0.0/0", "10.7.0.1", 7)


def test_an_interface_gets_its_networks_its_default_route_and_a_rule():
    change = plan(["wwan0"], kernel(NETWORK, DEFAULT))
    assert change.add_routes == (NETWORK._replace(table=TABLE), DEFAULT._replace(table=TABLE))
    assert change.add_rules == (Rule(V4, "wwan0", TABLE),)
    assert (change.remove_rules, change.remove_routes) == ((), ())


def test_without_a_gateway_everything_is_on_link():
    change = plan(["wwan0"], kernel(addressed=[(V6, 7)]))
    assert change.add_routes == (Route(V6, TABLE, "::/0", None, 7),)


def test_the_gateway_is_found_in_whatever_table_it_is_and_the_better_one_is_taken():
    worse = DEFAULT._replace(table=101, gateway="10.7.0.2")
    change = plan(["wwan0"], kernel(DEFAULT._replace(table=101), worse))
    assert change.add_routes[-1].gateway == "10.7.0.1"


def test_what_is_done_is_not_done_again():
    found = kernel(NETWORK, DEFAULT, addressed=[(V4, 7), (V6, 7)])
    change = plan(["wwan0"], found)
    assert change
    assert not plan(["wwan0"], carried_out(change, found))


def test_another_gateway_replaces_the_old_one():
    found = carried_out(plan(["wwan0"], kernel(NETWORK, DEFAULT)), kernel(NETWORK, DEFAULT))
    moved = DEFAULT._replace(gateway="10.7.0.2")
    found = found._replace(
        routes=tuple(moved if route == DEFAULT else route for route in found.routes)
    )
    change = plan(["wwan0"], found)
    assert change.remove_routes == (DEFAULT._replace(table=TABLE),)
    assert change.add_routes == (moved._replace(table=TABLE),)


def test_an_interface_that_is_gone_or_without_an_address_leaves_nothing_of_ours():
    rule, route = Rule(V4, "wwan0", TABLE), Route(V4, TABLE, "0.0.0.0/0", None, 7)
    for found in (
        kernel(ours=[route], rules=[rule], links={"eth0": 2}),
        kernel(ours=[route], rules=[rule], addressed=[]),
    ):
        assert plan(["wwan0"], found) == Change(remove_rules=(rule,), remove_routes=(route,))


def test_a_modem_that_came_back_has_another_table_and_the_old_rule_goes():
    old = Rule(V4, "wwan0", TABLE_BASE + 6)
    change = plan(["wwan0"], kernel(rules=[old]))
    assert change.remove_rules == (old,)
    assert change.add_rules == (Rule(V4, "wwan0", TABLE),)


def test_a_rule_that_is_there_twice_is_removed_once():
    rule, route = Rule(V4, "wwan0", TABLE), Route(V4, TABLE, "0.0.0.0/0", None, 7)
    assert plan(["wwan0"], kernel(ours=[route], rules=[rule, rule])) == Change(remove_rules=(rule,))


def test_nobody_elses_routes_are_touched():
    foreign = Route(V4, 101, "0.0.0.0/0", None, 2)
    assert not plan([], kernel(NETWORK, DEFAULT, foreign))
