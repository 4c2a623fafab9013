"""Traffic policies, affinity of sessions, schedulers and health ports."""

from cluster import ALL, BOTH, IPV4, IPV6, LOCAL, TRANSPORTS, combinations, ending, pod, service
from registry import test
from traffic import DROPPED, REFUSED, ask, askers, at_once, connect, eventually, expect


@test
def local_without_endpoints(lab):
    """Where this node has no endpoint of a service with the policy Local, clients outside are dropped, and pods and the node reach it."""
    lab.apply(*service(
        "web", 10, ["pod3"], BOTH, TRANSPORTS, balancer=7, external=[family.balancer(8) for family in BOTH], nodePort=30080,
        externalTrafficPolicy="Local"))
    cases = [
        (family, transport, address, port) for family, transport in combinations(BOTH, TRANSPORTS)
        for address, port in ((family.balancer(7), 80), (family.balancer(8), 80), (family.node, 30080))]
    dropped = at_once(ask, [(lab.client, address, port, transport, 1, None, b"outside\n") for _, transport, address, port in cases])
    # What comes to a pod of another node is not answered either.
    heard = {(name, *entry) for name, server in lab.servers.items() for entry in set(server.heard) if entry[1] == b"outside"}
    expect(heard, set(), "what pods heard from outside")
    from_pod = at_once(ask, [(lab.pods["pod1"], address, port, transport) for _, transport, address, port in cases])
    from_node = at_once(ask, [(lab.node, address, port, transport) for _, transport, address, port in cases])
    for case, outside, inside, own in zip(cases, dropped, from_pod, from_node):
        expect(outside, DROPPED, f"{case} from outside")
        expect(inside, ("pod3", case[0].pods["pod1"]), f"{case} from a pod")
        expect(own, ("pod3", case[0].node), f"{case} from the node")


@test
def internal_policy_local(lab):
    """With internalTrafficPolicy Local a cluster address has the endpoints of this node alone, and drops where all are elsewhere.

    That is Kubernetes' contract; where there is none at all it refuses. Other addresses of the service have all endpoints, and do not lend them
    to the cluster address.
    """
    local = {"internalTrafficPolicy": "Local"}
    lab.apply(
        *service("here", 10, ALL, BOTH, TRANSPORTS, balancer=10, **local), *service("there", 11, ["pod3"], BOTH, TRANSPORTS, balancer=11, **local),
        *service("nowhere", 12, [], BOTH, TRANSPORTS, **local))
    cases = combinations(BOTH, TRANSPORTS)
    dropped = at_once(ask, [(lab.pods["pod1"], family.cluster(11), 80, transport, 1) for family, transport in cases])
    for (family, transport), answer in zip(cases, dropped):
        what = f"{family} {transport}"
        expect(answer, DROPPED, what)
        expect(askers(lab.pods["pod1"], family.cluster(10), 80, transport)[0], set(LOCAL), what)
        expect(askers(lab.client, family.balancer(10), 80, transport)[0], set(ALL), what)
        expect(ask(lab.pods["pod1"], family.cluster(12), 80, transport), REFUSED, what)
        expect(ask(lab.client, family.balancer(11), 80, transport)[0], "pod3", what)


@test
def affinity(lab):
    """With sessionAffinity ClientIP a client comes to one endpoint at each address of the service, for the time that it says."""
    places = {
        "cluster": lambda family: (family.cluster(10), 80), "node port": lambda family: (family.node, 30080),
        "balancer": lambda family: (family.balancer(7), 80), "external": lambda family: (family.balancer(8), 80)}
    objects = {"balancer": 7, "nodePort": 30080, "external": [family.balancer(8) for family in BOTH], "sessionAffinity": "ClientIP"}
    cases = combinations(BOTH, TRANSPORTS, places)
    for config, seconds in (({}, 10800), ({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 77}}}, 77)):
        lab.apply(*service("web", 10, ALL, BOTH, TRANSPORTS, **objects, **config))
        found = at_once(askers, [(lab.client, *places[kind](family), transport, 3) for family, transport, kind in cases])
        for case, (names, seen) in zip(cases, found):
            assert len(names) == 1 and names <= set(ALL), f"{case}: {names} {seen}"
        wanted = ["{}:{}".format(*places[kind](IPV4)) for kind in places] + ["[{}]:{}".format(*places[kind](IPV6)) for kind in places]
        listed = [line for line in lab.node.run("ipvsadm", "-Sn").splitlines() if line.startswith("-A") and line.split()[2] in wanted]
        assert len(listed) >= len(cases) and all(f"-p {seconds}" in line for line in listed), listed


@test
def schedulers(lab):
    """A service has the scheduler of its annotation, ours or kube-router's: `sh` keeps a client with an endpoint, `mh` goes by its port, too."""
    sources = [IPV4.outside(number) for number in range(20, 28)]
    lab.client.ip(*(f"addr add {source}/24 dev eth0" for source in sources))
    router = "kube-router.io/service."
    lab.apply(
        *service("ours", 10, ALL, annotations={"swift-lbaas.org/scheduler": "sh"}),
        *service("theirs", 11, ALL, annotations={router + "scheduler": "sh"}),
        *service("ports", 12, ALL, annotations={router + "scheduler": "sh", router + "schedflags": "sh-port,sh-fallback"}),
        *service("maglev", 13, ALL, annotations={router + "scheduler": "mh"}),
        *service("least", 14, ALL, annotations={router + "scheduler": "lc"}),
        *service("unknown", 15, ALL, annotations={router + "scheduler": "dice"}))
    for number in (10, 11):
        found = [askers(lab.client, IPV4.cluster(number), 80, count=3, source=source)[0] for source in sources]
        assert all(len(names) == 1 for names in found), found
        assert len(set.union(*found)) > 1, found
    for number in (12, 13):
        names = askers(lab.client, IPV4.cluster(number), 80, count=20)[0]
        assert len(names) > 1, names
    # The endpoint with the fewest connections gets the next one.
    with connect(lab.client, IPV4.cluster(14), 80), connect(lab.client, IPV4.cluster(14), 80), connect(lab.client, IPV4.cluster(14), 80):
        lines = lab.node.run("ipvsadm", "-Ln", "-t", f"{IPV4.cluster(14)}:80").splitlines()
        expect([line.split()[4] for line in lines if line.lstrip().startswith("->") and "8080" in line], ["1", "1", "1"], "connections")
    expect(askers(lab.client, IPV4.cluster(15), 80)[0], set(ALL), "a scheduler that is not served: the default")
    assert "the scheduler 'dice' is not served" in lab.worker.log
    names = askers(lab.client, IPV4.cluster(10), 80, count=1)[0]
    # Its endpoint ends: it gets another, and is not dropped.
    rest = [name for name in ALL if name not in names]
    for kind in ("sh", "mh"):
        lab.apply(*service("ours", 10, [ending(*names), *rest], annotations={"swift-lbaas.org/scheduler": kind}))
        found = askers(lab.client, IPV4.cluster(10), 80, count=9)[0]
        assert found <= set(rest), f"{kind}: {found}"


def health(host, address, port):
    """The status and the number of endpoints that a health port tells; None where it does not answer."""
    answer = b""
    try:
        with connect(host, address, port) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while more := connection.recv(4096):
                answer += more
    except OSError:
        return None
    head, body = answer.decode().split("\r\n\r\n", 1)
    count = body.split('"localEndpoints":')[1].split(",")[0].split("}")[0].strip()
    return int(head.split()[1]), int(count)


@test
def health_ports(lab):
    """The health port of a Local service answers 200 with the number of ready endpoints of this node, and 503 where there is none."""
    local = {"balancer": 7, "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000}
    for endpoints, wanted in (
            (ALL, (200, 2)), (["pod1", ending("pod2"), "pod3"], (200, 1)), ([ending("pod1"), "pod3"], (503, 0)),
            ([pod("pod1", ready=False), "pod3"], (503, 0))):
        lab.apply(*service("web", 10, endpoints, BOTH, **local))
        for family in BOTH:
            eventually(f"{endpoints} {family}: {wanted}", lambda family=family: health(lab.client, family.node, 31000) == wanted)
    lab.apply()
    eventually("the port is closed", lambda: ask(lab.client, IPV4.node, 31000) == REFUSED)
