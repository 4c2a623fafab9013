"""Who may not come in: ports without a service, source ranges, addresses of nodes."""

import contextlib
import os
import threading

from cluster import ALL, BOTH, IPV4, LOCAL, TRANSPORTS, combinations, service
from registry import test
from traffic import REFUSED, ask, at_once, connect, eventually, expect

SSH = 22


@test
def ports_without_a_service(lab):
    """The host's own server does not answer at addresses of services, over the whole range, from anywhere; ping does."""
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7))
    unused = {"IPv4": ("10.96.0.1", "10.96.7.7", "10.111.255.254"), "IPv6": ("fd00:96::1", "fd00:96::77", "fd00:96::ffff")}
    places = [(family, address) for family in BOTH for address in (family.cluster(10), family.balancer(7), *unused[family.kind])]
    cases = [
        (host, address, SSH, transport) for (_, address), transport, host in combinations(
            places, TRANSPORTS, (lab.client, lab.pods["pod1"], lab.node))]
    for (host, *place), answer in zip(cases, at_once(ask, cases)):
        expect(answer, REFUSED, f"{host.name} {place}")
    for family in BOTH:
        expect(ask(lab.client, family.node, SSH)[0], "sshd", "the node's own address")
        expect(ask(lab.client, family.balancer(7), 80)[0] in ALL, True, "the service")
        lab.client.run("busybox", "ping", "-c", "1", "-W", "5", family.balancer(7))


RANGES = ["10.244.1.5/32", " 2001:db8::12/128 ", "fd00:10:244:1::5/128", "192.0.2.12/32"]


@test
def source_ranges(lab):
    """Others than the ranges are dropped at the load balancer's addresses, the node too; not at other addresses, nor at another service.

    Ranges of both families are mixed, and have blanks around them.
    """
    lab.apply(
        *service(
            "web", 10, ALL, BOTH, TRANSPORTS, balancer=7, external=[family.balancer(8) for family in BOTH], nodePort=30080,
            loadBalancerSourceRanges=RANGES),
        *service("free", 11, ALL, BOTH, TRANSPORTS, balancer=7, port=81))
    cases = combinations(BOTH, TRANSPORTS)
    for host, wanted in ((lab.client, False), (lab.node, False), (lab.pods["pod2"], False), (lab.pods["pod1"], True), (lab.node2, True)):
        if host is lab.node2:
            for family in BOTH:
                host.ip(f"route add {family.balancer(7)}/{family.bits} via {family.node}")
        found = at_once(ask, [
            (host, family.balancer(7), 80, transport, 8 if wanted else 1, family.own(host.name)) for family, transport in cases])
        for case, answer in zip(cases, found):
            assert answer[0] in ALL if wanted else answer[0] == "nobody", f"{host.name} {case}: {answer}"
    for family in BOTH:
        lab.node2.ip(f"route del {family.balancer(7)}/{family.bits}")
    cases = [
        (lab.client, address, port, transport) for family, transport in cases
        for address, port in ((family.balancer(7), 81), (family.balancer(8), 80), (family.node, 30080), (family.cluster(10), 80))]
    for (_, *place), answer in zip(cases, at_once(ask, cases)):
        assert answer[0] in ALL, f"{place}: {answer}"
    lab.apply(*service("web", 10, ALL, BOTH, balancer=7, loadBalancerSourceRanges=["192.0.2.0/24", "2001:db8::/64"]))
    for family in BOTH:
        expect(ask(lab.client, family.balancer(7), 80)[0] in ALL, True, f"{family}: the client is let in")


class Intruder:
    """Clients of a host that ask a service all the time, each time from another port."""

    def __init__(self, host):
        self.host, self.count, self.is_over = host, 0, threading.Event()
        self.futures = [
            host.submit(body, family.balancer(7)) for body in (self.send, self.dial) for family in BOTH]

    def send(self, address):
        while not self.is_over.is_set():
            with contextlib.suppress(OSError), self.client("UDP", address) as client:
                for _ in range(5):
                    client.send(b"intruder\n")
                    self.count += 1
                    self.is_over.wait(0.02)

    def dial(self, address):
        while not self.is_over.is_set():
            with contextlib.suppress(OSError), self.client("TCP", address) as client:
                client.send(b"intruder\n")
            self.count += 1
            self.is_over.wait(0.02)

    @staticmethod
    def client(transport, address):
        # A submitted function is in the host already.
        return connect(Here, address, 80, transport, 0.05)

    def end(self):
        self.is_over.set()
        for future in self.futures:
            future.result()


class Here:
    """The host that a thread is in already."""

    @staticmethod
    def inside(body):
        return body()


@test
def source_ranges_while_services_change(lab):
    """While 1,000 changes are applied, to the service itself too, a port with source ranges is never open to others. Another is all the time."""
    def guarded(number):
        ranges = RANGES + [f"198.51.100.{number % 250}/32", f"2001:db8:9{number % 250:03}::/64"]
        return service(
            "guarded", 10, ALL if number % 2 else LOCAL, BOTH, ["TCP", "UDP"], balancer=7, loadBalancerSourceRanges=ranges,
            externalTrafficPolicy="Local" if number % 3 else "Cluster")

    lab.apply(*service("free", 11, ALL, BOTH, balancer=7, port=81))
    lab.write(*guarded(0), name="guarded")
    eventually("it is served", lambda: ask(lab.pods["pod1"], IPV4.balancer(7), 80)[0] in ALL)
    intruders = [Intruder(lab.client), Intruder(lab.pods["pod2"])]
    try:
        # Each time four objects change: a service and its slice that come and go, and a service and slices that change.
        for number in range(250):
            if number % 3 == 0:
                lab.write(name="guarded")
            else:
                lab.write(*guarded(number), name="guarded")
            for other in (f"other-{number % 40}", f"other-{(number + 7) % 40}"):
                port = 100 + int(other.split("-")[1])
                lab.write(*service(other, port, ALL if number % 2 else LOCAL, balancer=7, port=port), name=other)
            if number % 10 == 0:
                found = at_once(ask, [(lab.client, family.balancer(7), 81) for family in BOTH])
                assert all(answer[0] in ALL for answer in found), f"the other service: {found}"
        lab.write(*guarded(1), name="guarded")
        eventually("it is served", lambda: ask(lab.pods["pod1"], IPV4.balancer(7), 80)[0] in ALL)
    finally:
        for intruder in intruders:
            intruder.end()
        for path in os.listdir(lab.manifests):
            if not path.startswith("cluster"):
                lab.write(name=path.removesuffix(".json"))
    heard = {(name, *entry) for name, server in lab.servers.items() for entry in server.heard if entry[1] == b"intruder"}
    assert not heard, heard
    assert all(intruder.count > 100 for intruder in intruders), [intruder.count for intruder in intruders]


@test
def addresses_of_nodes(lab):
    """An address of a load balancer or an external one that is this node's, another node's or the router's cuts nobody off.

    That one is not served is in the log, and in the journal for the service.
    """
    for family in BOTH:
        revision = lab.worker.ask("/v1/status")["revision"]
        lab.apply(
            *service("own", 10, ALL, [family], ingress=[{"ip": family.node}]), *service("own2", 12, ALL, [family], external=[family.node], port=81),
            *service("other", 11, ALL, [family], external=[family.node2]),
            *service("router", 13, ALL, [family], ingress=[{"ip": family.router}]))
        found = at_once(ask, [(lab.client, family.node, port) for port in (SSH, 80, 81)])
        expect(found[0][0], "sshd", f"{family}: the node's server")
        assert found[1][0] in ALL and found[2][0] in ALL, found
        for address in (family.node2, family.router):
            lab.node.run("busybox", "ping", "-c", "1", "-W", "5", address)
            assert not {f"{address}:80", f"[{address}]:80"} & lab.served()
        journal = {entry["what"]: entry["outcome"] for entry in lab.worker.ask(f"/v1/journal?after={revision}&limit=1000")["journal"]}
        for name, address, reason in (("other", family.node2, "an address of node n2"), ("router", family.router, "this host's router")):
            sentence = f"{address} is not served: it is {reason}, which would be cut off"
            assert sentence in lab.worker.log
            expect(journal.get(f"shop/{name}: {sentence}"), "FAIL", f"{sentence}: {journal}")
        shown = lab.node.run("ip", "route", "show", "table", "local", "proto", "76") + lab.node.run(
            "ip", "-6", "route", "show", "table", "local", "proto", "76")
        assert family.node2 + " " not in shown and family.router + " " not in shown, shown


@test
def connections_of_the_host_itself(lab):
    """What a service answers to the host itself, or to a pod, is no new connection for the guard, also where the client's port has no service."""
    lab.apply(*service("web", 10, ALL, BOTH, TRANSPORTS, balancer=7))
    for family in BOTH:
        for transport in TRANSPORTS:
            for address in (family.cluster(10), family.balancer(7)):
                with connect(lab.node, address, 80, transport) as connection:
                    for _ in range(3):
                        connection.sendall(b"?\n")
                        expect(connection.recv(100).split()[0].decode() in ALL, True, f"{family} {transport} {address}")
