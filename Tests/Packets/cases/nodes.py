"""What needs another node."""

from cases.policies import health
from cluster import ALL, BOTH, LOCAL, TRANSPORTS, combinations, service
from registry import test
from traffic import REFUSED, ask, askers, eventually, expect


@test
def two_nodes(lab):
    """Each of two nodes serves a Local service by its own pods, which see the client, and counts them; pods use the services of their node."""
    lab.worker2.start()
    try:
        lab.apply(
            *service("web", 10, ALL, BOTH, TRANSPORTS, balancer=7, nodePort=30080, externalTrafficPolicy="Local", healthCheckNodePort=31000),
            *service("all", 11, ALL, BOTH, TRANSPORTS, nodePort=30081), *service("near", 12, ALL, BOTH, internalTrafficPolicy="Local"))
        for family, transport in combinations(BOTH, TRANSPORTS):
            what = f"{family} {transport}"
            for address, pods in ((family.node, set(LOCAL)), (family.node2, {"pod3"})):
                expect(askers(lab.client, address, 30080, transport, 3), (pods, {family.client}), what)
                expect(askers(lab.client, address, 30081, transport, 3)[0], set(ALL), what)
            names, seen = askers(lab.pods["pod3"], family.cluster(11), 80, transport, 3)
            expect((names, seen <= {family.pods["pod3"], family.gateways["n2"]}), (set(ALL), True), what)
            expect(ask(lab.pods["pod3"], family.balancer(7), 80, transport)[0] in ALL, True, what)
        for family in BOTH:
            expect(askers(lab.pods["pod3"], family.cluster(12), 80)[0], {"pod3"}, "internalTrafficPolicy Local")
            for address, count in ((family.node, 2), (family.node2, 1)):
                eventually(f"{address} counts {count}", lambda address=address, count=count: health(lab.client, address, 31000) == (200, count))
            expect(ask(lab.pods["pod3"], family.cluster(11), 22), REFUSED, "the guard")
    finally:
        lab.worker2.stop()
        lab.worker2.cleanup()


@test
def another_name_of_the_node(lab):
    """A worker whose node_name is no Node's, and that no endpoint names, says so in its log as an error; one with the right name does not."""
    sentence = "ERROR there is no Node 'elsewhere', and no endpoint is on it: is node_name the name of this host's Node?"
    lab.apply(*service("web", 10, ALL, BOTH))
    assert "there is no Node" not in lab.worker.log
    lab.worker2.start(driver="dummy", node_name="elsewhere")
    try:
        eventually("it is told", lambda: sentence in lab.worker2.log)
        expect(lab.worker2.log.count(sentence), 1, lab.worker2.log)
    finally:
        lab.worker2.stop()
