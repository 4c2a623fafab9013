"""Which endpoints get connections, and what becomes of connections where endpoints come and go."""

import contextlib
import threading
import time

from cluster import ALL, BOTH, IPV4, IPV6, LOCAL, TRANSPORTS, combinations, ending, pod, service
from registry import test
from traffic import REFUSED, ask, askers, at_once, connect, eventually, expect, say


@test
def no_endpoints(lab):
    """A service without endpoints refuses, at each of its addresses."""
    lab.apply(*service("web", 10, [], BOTH, TRANSPORTS, balancer=7, nodePort=30080))
    cases = [
        (host, address, port, transport) for family, transport in combinations(BOTH, TRANSPORTS)
        for host in (lab.client, lab.pods["pod1"])
        for address, port in ((family.cluster(10), 80), (family.balancer(7), 80), (family.node, 30080))]
    for (host, *place), answer in zip(cases, at_once(ask, cases)):
        expect(answer, REFUSED, f"{host.name} {place}")


def chosen(lab, endpoints, policy="Cluster", zones=None):
    """Who answers clients outside at a load balancer's address, in each family and protocol, where all of them say the same."""
    lab.apply(*service("web", 10, endpoints, BOTH, TRANSPORTS, balancer=7, externalTrafficPolicy=policy), zones=zones)
    # Each family and each protocol once: that all of them do the same is shown elsewhere.
    cases = [(IPV4, "TCP"), (IPV6, "UDP"), (IPV4, "SCTP")]
    found = at_once(askers, [(lab.client, family.balancer(7), 80, transport, 4) for family, transport in cases])
    for case, (names, _) in zip(cases, found):
        expect(names, found[0][0], f"{case}")
    return found[0][0]


@test
def ready_endpoints(lab):
    """Ready ones get connections, others do not. publishNotReadyAddresses needs nothing: its slices say that all are ready."""
    for endpoints, wanted in (
            (["pod1", pod("pod2", ready=False), pod("pod3", ready=False, serving=False)], {"pod1"}),
            (["pod1", pod("pod2", ready=None, serving=None, terminating=None)], {"pod1", "pod2"}),
            ([pod("pod1", ready=False)], {"refused"}),
            # What the slices of a service that publishes such addresses have.
            ([pod("pod2", ready=True, serving=False), pod("pod3", ready=True, serving=False, terminating=True)], {"pod2", "pod3"})):
        expect(chosen(lab, endpoints), wanted, f"{endpoints}")


@test
def ending_endpoints(lab):
    """Endpoints that end get connections where none is ready, if they serve; for the policy Local where none of this node is ready."""
    for endpoints, policy, wanted in (
            ([ending("pod1"), "pod2", ending("pod3")], "Cluster", {"pod2"}),
            ([ending("pod1"), ending("pod2", serving=False), ending("pod3")], "Cluster", {"pod1", "pod3"}),
            ([ending("pod1", serving=False)], "Cluster", {"refused"}),
            ([ending("pod1"), "pod3"], "Local", {"pod1"}),
            ([ending("pod1"), "pod2", "pod3"], "Local", {"pod2"}),
            ([ending("pod1"), "pod3"], "Cluster", {"pod3"})):
        expect(chosen(lab, endpoints, policy), wanted, f"{policy} {endpoints}")


@test
def hints(lab):
    """Where each ready endpoint has hints, those for this node get connections, or those for its zone; else all. Local takes no notice."""
    near, far = {"zones": ["zone-n1"]}, {"zones": ["zone-n2"]}
    for endpoints, policy, wanted in (
            ([pod("pod1", **near), pod("pod2", **far), pod("pod3", **near)], "Cluster", {"pod1", "pod3"}),
            ([pod("pod1", **near), pod("pod2", **far), "pod3"], "Cluster", set(ALL)),
            ([pod("pod1", **far), pod("pod2", **far), pod("pod3", **far)], "Cluster", set(ALL)),
            ([pod("pod1", **near), pod("pod2", **far), pod("pod3", ready=False)], "Cluster", {"pod1"}),
            ([pod("pod1", nodes=["n1"], **far), pod("pod2", nodes=["n2"], **near), pod("pod3", nodes=["n2"], **near)], "Cluster", {"pod1"}),
            ([pod("pod1", **far), pod("pod2", **far), pod("pod3", **near)], "Local", set(LOCAL))):
        expect(chosen(lab, endpoints, policy), wanted, f"{policy} {endpoints}")
    # The same endpoints, and the node moves to another zone.
    expect(chosen(lab, [pod("pod1", **near), pod("pod3", **far)], zones={"n1": "zone-n2"}), {"pod3"}, "another zone")


@test
def endpoint_that_leaves(lab):
    """A connection to it goes on, and new ones do not come to it."""
    cases = combinations(BOTH, ("TCP", "SCTP"))
    lab.apply(*service("web", 10, ["pod1"], BOTH, TRANSPORTS, balancer=7))
    connections = [connect(lab.client, family.balancer(7), 80, transport) for family, transport in cases]
    try:
        for connection in connections:
            expect(say(connection)[0], "pod1")
        lab.apply(*service("web", 10, ["pod2", "pod3"], BOTH, TRANSPORTS, balancer=7))
        for (family, transport), connection in zip(cases, connections):
            expect(askers(lab.client, family.balancer(7), 80, transport, 4)[0], {"pod2", "pod3"}, f"{family} {transport}")
            for _ in range(3):
                expect(say(connection)[0], "pod1", f"{family} {transport}")
    finally:
        for connection in connections:
            connection.close()


def answer(client):
    try:
        return say(client)[0]
    except OSError:
        return None


@test
def datagrams(lab):
    """Datagrams of one socket go to another endpoint at once where theirs is gone."""
    lab.apply(*service("dns", 10, ["pod1"], BOTH, ["UDP"]))
    for family in BOTH:
        with connect(lab.client, family.cluster(10), 80, "UDP", 2) as client:
            expect(answer(client), "pod1", f"{family}")
            lab.apply(*service("dns", 10, ["pod3"], BOTH, ["UDP"]))
            expect([answer(client) for _ in range(5)], ["pod3"] * 5, f"{family}")
            lab.apply(*service("dns", 10, ["pod1"], BOTH, ["UDP"]))


@contextlib.contextmanager
def sending(client, word=b"?\n", pause=0.0005):
    """Sends datagrams all the time, with a pause behind each."""
    is_over = threading.Event()

    def send():
        while not is_over.is_set():
            with contextlib.suppress(OSError):
                client.send(word)
            time.sleep(pause)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        is_over.set()
        sender.join()


@test
def datagrams_before_the_service(lab):
    """A client that sends all the time while its service is made is answered, at each kind of address: pods see the node.

    Before, none of its datagrams is taken for the host's own, and what the kernel knows of those that were forwarded or refused is forgotten.
    """
    before = set(lab.servers["pod3"].heard)
    for number, family in ((54, IPV4), (55, IPV6)):
        places = [(family.cluster(number), 80), (family.balancer(number), 80), (family.node, 30000 + number)]
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connect(lab.client, address, port, "UDP", 1)) for address, port in places]
            for client in clients:
                stack.enter_context(sending(client, b"early\n", 0.005))
            for client, place in zip(clients, places):
                eventually(f"{place} is refused", lambda client=client: is_refused(client))
            lab.apply(*service("late", number, ["pod3"], [family], ["UDP"], balancer=number, nodePort=30000 + number))
            for client, place in zip(clients, places):
                eventually(f"{place} is answered", lambda client=client: answer(client) == "pod3")
    seen = {peer for peer, word in set(lab.servers["pod3"].heard) - before if word == b"early"}
    assert seen & {IPV4.node} and seen & {IPV6.node}, seen


def is_refused(client):
    try:
        client.recv(100)
    except OSError as error:
        return not isinstance(error, TimeoutError)
    return False


@test
def services_that_go(lab):
    """A service that is deleted before its slices, or behind them, refuses from then on, also where it has connections."""
    objects = service("web", 10, ALL, BOTH, TRANSPORTS)
    for first in (objects[:1], objects[1:]):
        lab.apply(*objects)
        with connect(lab.client, IPV4.cluster(10), 80) as connection:
            say(connection)
            lab.apply(*first)
            cases = combinations(BOTH, TRANSPORTS)
            found = at_once(ask, [(lab.client, family.cluster(10), 80, transport) for family, transport in cases])
            expect(set(found), {REFUSED}, f"{len(first)} objects are left")
            lab.apply()
            assert not {listener for listener in lab.served() if IPV4.cluster(10) in listener}


@test
def refused_services(lab):
    """A service that cannot be served costs only itself, and refuses. It is served when it can be, and so is another in its place."""
    def objects(name, addresses):
        made, *slices = service(name, 60, ["pod1"], BOTH, balancer=60, externalTrafficPolicy="Local")
        for one in slices:
            if addresses:
                one["endpoints"][0]["addresses"] = [addresses[one["addressType"]]]
        return made, *slices

    refused = {"IPv4": "224.0.0.5", "IPv6": "ff02::5"}
    places = [(lab.client, address, 80) for family in BOTH for address in (family.cluster(60), family.balancer(60))]
    other = service("other", 61, ["pod3"], BOTH)
    for name, addresses, wanted in (
            ("bad", refused, None), ("bad", None, "pod1"), ("bad", refused, "pod1"), ("worse", refused, None), ("good", None, "pod1")):
        lab.apply(*objects(name, addresses), *other)
        found = at_once(ask, places)
        assert all(answer[0] == wanted if wanted else answer[0] in ("refused", "nobody") for answer in found), (name, addresses, found)
        for family in BOTH:
            expect(ask(lab.client, family.cluster(61), 80)[0], "pod3", f"{name} {family}: another service")
    assert "a service of the cluster cannot be served; the others are, and it is tried again" in lab.worker.log
