"""What is served at which addresses, to whom, and as whom clients are seen."""

import time

from cluster import ALL, BOTH, IPV4, IPV6, LOCAL, TRANSPORTS, combinations, service, slice_of
from registry import test
from traffic import REFUSED, ask, askers, at_once, eventually, expect

KINDS = ("cluster address", "node port", "load balancer", "external address")
POLICIES = ("Cluster", "Local")


def place(policy, kind, family):
    """Where a service with a policy is reached."""
    number = POLICIES.index(policy)
    return {
        "cluster address": (family.cluster(10 + number), 80),
        "node port": (family.node, 30080 + number),
        "load balancer": (family.balancer(10 + number), 80),
        "external address": (family.balancer(20 + number), 80)}[kind]


def answers(policy, kind, client, family):
    """Who answers a client, and what they see of it: a set for each."""
    if kind == "cluster address" and client == "pod1" or policy == "Local" and kind != "cluster address" and client == "pod1":
        # A pod keeps its address, but where it asks itself.
        return set(ALL), {family.pods["pod1"], family.gateways["n1"]}
    if policy == "Local" and kind != "cluster address":
        return (set(LOCAL), {family.client}) if client == "client" else (set(ALL), {family.node})
    return set(ALL), family.seen


@test
def every_address(lab):
    """Each protocol, family, kind of address and policy, from outside, from a pod and from the node: who answers, and what they see.

    With the policy Cluster pods see the node. With Local clients outside come to the pods of this node alone, which see their addresses, and
    pods and the node reach all pods.
    """
    objects = [
        service(
            policy.lower(), 10 + number, ALL, BOTH, TRANSPORTS, balancer=10 + number, nodePort=30080 + number,
            external=[family.balancer(20 + number) for family in BOTH], externalTrafficPolicy=policy)
        for number, policy in enumerate(POLICIES)]
    lab.apply(*sum(objects, []))
    hosts = {"client": lab.client, "node": lab.node, "pod1": lab.pods["pod1"]}
    cases = combinations(POLICIES, KINDS, TRANSPORTS, BOTH)
    wrong = []
    for client, host in hosts.items():
        # One host after the other, so that each has all endpoints in turn.
        found = at_once(askers, [(host, *place(policy, kind, family), transport, 3) for policy, kind, transport, family in cases])
        for (policy, kind, transport, family), (names, seen) in zip(cases, found):
            wanted, allowed = answers(policy, kind, client, family)
            if names != wanted or not seen <= allowed:
                wrong.append(f"{client} {policy} {kind} {transport} {family}: {names} see {seen}, and not {wanted} {allowed}")
    assert not wrong, f"{len(wrong)} of {len(cases) * len(hosts)}:\n" + "\n".join(wrong)


@test
def a_pod_asks_itself(lab):
    """A pod that is an endpoint reaches itself, where it is the only one as well: it sees its gateway."""
    lab.apply(*service("web", 10, ["pod1"], BOTH, TRANSPORTS, balancer=7, externalTrafficPolicy="Local"))
    cases = combinations(BOTH, TRANSPORTS, ("cluster", "balancer"))
    found = at_once(
        ask, [
            (lab.pods["pod1"], family.cluster(10) if kind == "cluster" else family.balancer(7), 80, transport)
            for family, transport, kind in cases])
    for (family, transport, kind), answer in zip(cases, found):
        expect(answer, ("pod1", family.gateways["n1"]), f"{family} {transport} {kind}")


@test
def families_are_apart(lab):
    """A service of one family has nothing in the other: no slice, load balancer's address or node port of that family counts."""
    lab.apply(
        *service("four", 30, ALL, [IPV4], nodePort=30090, ingress=[{"ip": IPV4.balancer(30)}, {"ip": IPV6.balancer(30)}]),
        slice_of("four", ALL, IPV6),
        *service("six", 31, ["pod3"], [IPV6], nodePort=30091, balancer=31))
    served = at_once(ask, [
        (lab.client, IPV4.balancer(30), 80), (lab.client, IPV4.node, 30090), (lab.client, IPV6.balancer(31), 80), (lab.client, IPV6.node, 30091)])
    assert all(answer[0] in ALL for answer in served), served
    found = at_once(ask, [(lab.client, IPV6.balancer(30), 80), (lab.client, IPV6.node, 30090), (lab.client, IPV4.node, 30091)])
    assert found[0][0] == "nobody" and found[1:] == [REFUSED, REFUSED], found


@test
def not_served(lab):
    """Nothing comes of headless services, ExternalName, those of another proxy, addresses with ipMode Proxy, host names, and no node port."""
    name = {"service.kubernetes.io/service-proxy-name": "other"}
    headless = service("headless", 44, ALL)
    headless[0]["spec"].update(clusterIP="None", clusterIPs=["None"])
    outside = service("outside", 43, [])[:1]
    outside[0]["spec"] = {"type": "ExternalName", "externalName": "example.org", "ports": [{"port": 80}], "externalIPs": [IPV4.balancer(43)]}
    lab.apply(
        *service("web", 40, ALL, ingress=[{"ip": IPV4.balancer(41), "ipMode": "Proxy"}, {"hostname": "lb.example.org"}, {
            "ip": IPV4.balancer(40), "ipMode": "VIP"}], allocateLoadBalancerNodePorts=False),
        *service("others", 42, ALL, labels=name, balancer=42), *headless, *outside)
    expect(ask(lab.client, IPV4.balancer(40), 80)[0] in ALL, True, "the address with ipMode VIP")
    for number in (41, 42, 43):
        expect(ask(lab.client, IPV4.balancer(number), 80)[0], "nobody", f"address {number}")
        expect(ask(lab.client, IPV4.cluster(number), 80), REFUSED, f"service {number}")
    listeners = " ".join(lab.served())
    assert not any(f".{number}:" in listeners for number in (41, 42, 43, 44)), listeners


@test
def all_addresses_of_the_node(lab):
    """Node ports are at every address of the node, the gateways of its pods too, and not at loopback and link-local addresses."""
    lab.apply(*service("web", 10, ALL, BOTH, nodePort=30080))
    places = [(lab.pods["pod1"], family.gateways["n1"]) for family in BOTH] + [(lab.client, family.node) for family in BOTH]
    found = at_once(ask, [(host, address, 30080) for host, address in places])
    assert all(answer[0] in ALL for answer in found), found
    listeners = " ".join(lab.served())
    assert "127.0.0.1:30080" not in listeners and "[fe80:" not in listeners and "[::1]" not in listeners, listeners


@test
def address_at_run_time(lab):
    """An address that the node gets has the node ports soon, and one that goes has none. No service's address is on a device."""
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7, nodePort=30080))
    shown = lab.node.run("ip", "-oneline", "addr", "show")
    for family in BOTH:
        for address in (family.cluster(10), family.balancer(7)):
            assert f" {address}/" not in shown, address
    times = []
    # An emulated machine takes seconds for what a host does in milliseconds: nothing waits for the next look at everything, each 30 s.
    for number in range(111, 114):
        addresses = [family.outside(number) for family in BOTH]
        start = time.monotonic()
        lab.node.ip(*(f"addr add {address}/{family.length} dev eth0" for address, family in zip(addresses, BOTH)))
        for address in addresses:
            eventually(f"{address} serves", lambda address=address: ask(lab.client, address, 30080, seconds=5)[0] in ALL)
        times.append(time.monotonic() - start)
        lab.node.ip(*(f"addr del {address}/{family.length} dev eth0" for address, family in zip(addresses, BOTH)))
        if times[-1] <= 20:
            break
    gone = {f"{addresses[0]}:30080", f"[{addresses[1]}]:30080"}
    eventually("they serve no more", lambda: not gone & lab.served())
    assert min(times) <= 20, times
