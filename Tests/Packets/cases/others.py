"""Starts, stops and cleanups, and what belongs to others."""

import contextlib

from cases.endpoints import sending
from cluster import ALL, BOTH, IPV4, IPV6, combinations, service, surroundings
from registry import test
from topology import run
from traffic import REFUSED, ask, askers, connect, eventually, expect, say


@test
def flushed_rules(lab):
    """What somebody flushes is brought back, and a masqueraded connection goes on."""
    lab.apply(*service("web", 10, ALL, BOTH))
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(lab.client, family.cluster(10), 80)) for family in BOTH]
        for connection in connections:
            say(connection)
        lab.node.run("nft", "flush", "ruleset")
        eventually("the tables are there", lambda: lab.node.run("nft", "list", "tables").count(" lbaas\n") == 2)
        for family, connection in zip(BOTH, connections):
            eventually(f"{family}: it is masqueraded", lambda family=family: askers(lab.client, family.cluster(10), 80)[1] <= family.seen)
            expect(say(connection)[0] in ALL, True, "the connection")
            eventually("the guard is there", lambda family=family: ask(lab.client, family.cluster(10), 22) == REFUSED)


@test
def routes_that_go(lab):
    """A route that somebody removes is brought back at the next look at all of them, or when the worker starts."""
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7))
    for family in BOTH:
        lab.node.ip(f"route del local {family.balancer(7)}/{family.bits} dev lo table local")
    lab.worker.start()
    for family in BOTH:
        eventually(f"{family} is served", lambda family=family: ask(lab.client, family.balancer(7), 80, seconds=1)[0] in ALL)


def state(lab):
    """Everything of the node that a worker could touch, as lines: of IPVS, nf_tables, routes, rules and addresses."""
    commands = {
        "ipvs": "ipvsadm -Sn", "tables": "nft list tables", "others": "nft -s list table inet lbaas", "another": "nft -s list table ip other",
        "addresses": "ip -oneline addr show", "links": "ip -oneline link show", "rules": "ip rule; ip -6 rule",
        "routes": "ip route show table all; ip -6 route show table all"}
    # Programs take long to start there, so there is one shell for all of them.
    shown = lab.node.run("sh", "-c", "; echo ----; ".join(commands.values())).split("----\n")
    return {name: sorted(lines.splitlines()) for name, lines in zip(commands, shown)}


FOREIGN = """
table inet lbaas {
    set services { type ipv4_addr; elements = { 10.96.0.10 }; }
    chain input { type filter hook input priority 5; ip saddr 198.51.100.9 tcp dport 9 drop; }
}
table ip other {
    chain postrouting { type nat hook postrouting priority 90; ip saddr 198.51.100.9 masquerade; }
}
table ip6 other {
    chain input { type filter hook input priority 5; tcp dport 9 drop; }
}
"""


@test
def what_is_others(lab):
    """Virtual services, tables, routes and addresses of others are as they were: after a start, changes, a crash, a stop and the cleanup.

    After the cleanup all is as it was before there was a worker. An address of a service that somebody else has a route to is left to them.
    """
    lab.worker.stop()
    lab.worker.cleanup()
    run("ip", "netns", "exec", "node", "nft", "-f", "-", text=FOREIGN)
    for words in (
            "-A -t 192.0.2.11:9999 -s sh", "-a -t 192.0.2.11:9999 -r 10.244.1.5:8080 -m", "-A -u 203.0.113.77:53 -s rr -p 60",
            "-A -t [2001:db8::11]:9999 -s wlc", "-A -f 7 -s rr", "-a -f 7 -r 10.244.1.6:0 -m"):
        lab.node.run("ipvsadm", *words.split())
    lab.node.ip(
        "link add kube-ipvs0 type dummy", "addr add 198.51.100.2/32 dev kube-ipvs0", "addr add 2001:db8:5::2/128 dev kube-ipvs0",
        "route add local 198.51.100.1 dev lo table local", "route add local 203.0.113.66 dev lo table local proto 77",
        "route add 198.51.100.0/28 via 192.0.2.12 proto 76", "rule add fwmark 7 lookup 100", "route add local default dev lo table 100")
    before = state(lab)

    def check(what):
        after = state(lab)
        for name in before:
            missing = [line for line in before[name] if line not in after[name]]
            assert not missing, f"{what}: {name} lacks {missing}"
        expect((after["addresses"], after["links"], after["others"]), (before["addresses"], before["links"], before["others"]), what)

    lab.write(*surroundings())
    lab.worker.start()
    check("after the start")
    taken = service("taken", 66, ALL, balancer=66)
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7, nodePort=30080, externalTrafficPolicy="Local"), *taken)
    check("with services")
    eventually("it is told", lambda: "somebody else has a local route to it" in lab.worker.log)
    lab.apply(*service("web", 10, ["pod3"], BOTH, balancer=8, loadBalancerSourceRanges=["192.0.2.0/24"]), *taken)
    check("with other services")
    lab.worker.process.kill()
    lab.worker.process.wait()
    lab.worker.start()
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7, externalTrafficPolicy="Local"), *taken)
    check("after a crash and a start")
    lab.worker.stop()
    check("after the stop")
    for family in BOTH:
        expect(ask(lab.client, family.balancer(7), 80)[-1], family.client, "it is served while no worker runs")
        expect(askers(lab.node, family.balancer(7), 80)[0], set(ALL), "it is served to the node while no worker runs")
    lab.worker.cleanup()
    after = state(lab)
    for name in before:
        expect(after[name], before[name], f"{name} after the cleanup")
    lab.node.run("ipvsadm", "-C")
    lab.node.run("nft", "flush", "ruleset")
    lab.node.ip(
        "link del kube-ipvs0", "route del local 198.51.100.1 dev lo table local", "route del local 203.0.113.66 dev lo table local",
        "route del 198.51.100.0/28", "rule del fwmark 7 lookup 100", "route del local default dev lo table 100")


@test
def first_start(lab):
    """Nothing answers before it masquerades: of 160 virtual services that are new with a start, no pod ever sees a client's address.

    Clients send to some of them all the time. Each is answered in the end.
    """
    objects = [service(f"web-{number}", number, ALL, BOTH, ["UDP"], balancer=number) for number in range(10, 50)]
    lab.worker.stop()
    lab.worker.cleanup()
    lab.write(*surroundings(), *sum(objects, []))
    before = {name: set(server.heard) for name, server in lab.servers.items()}
    numbers = (10, 11, 20, 30, 40, 49)
    with contextlib.ExitStack() as stack:
        clients = []
        for family, number in combinations(BOTH, numbers):
            for address in (family.cluster(number), family.balancer(number)):
                client = stack.enter_context(connect(lab.client, address, 80, "UDP", 0.2))
                stack.enter_context(sending(client, b"early\n", 0.05))
                clients.append((client, address))
        lab.worker.start()
        eventually("all is served", lambda: "the services of the cluster are served" in lab.worker.log, 120)
        for client, address in clients:
            eventually(f"{address} is served, or clients are seen", lambda client=client: is_answered(client) or seen_by(lab, before))
    expect(seen_by(lab, before), set(), "whom pods saw besides the node")


def seen_by(lab, before):
    """The addresses of clients that pods saw, besides those of the node."""
    heard = {entry for name, server in lab.servers.items() for entry in set(server.heard) - before[name] if entry[1] == b"early"}
    return {peer for peer, _ in heard} - IPV4.seen - IPV6.seen


def is_answered(client):
    try:
        return bool(client.recv(100))
    except OSError:
        return False
