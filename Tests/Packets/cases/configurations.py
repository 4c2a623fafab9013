"""What the configuration of a worker changes."""

from cluster import ALL, BOTH, IPV4, IPV6, LOCAL, service
from registry import test
from traffic import REFUSED, ask, askers, at_once, connect, expect, say

WARNING = "WARN  idle TCP connections are forgotten before their first keepalive is sent"


def node_ports(lab, addresses):
    """Node ports are at these addresses alone."""
    found = {listener for listener in lab.served() if listener.endswith(":30080")}
    expect(found, {f"[{address}]:30080" if ":" in address else f"{address}:30080" for address in addresses}, "node ports")
    answers = at_once(ask, [(lab.pods["pod1"], address, 30080) for address in addresses])
    assert all(answer[0] in ALL for answer in answers), answers


def idle_connection(lab, timeout):
    """How long the kernel remembers a connection that is idle."""
    expect(lab.node.run("ipvsadm", "-L", "--timeout").strip(), f"Timeout (tcp tcpfin udp): {timeout} 30 20", "times")
    with connect(lab.client, IPV4.cluster(10), 80) as connection:
        say(connection)
        name = "{}:{}".format(*connection.getsockname())
        line = next(line for line in lab.node.run("ipvsadm", "-Lnc").splitlines() if name in line and "ESTABLISHED" in line)
    minutes, seconds = line.split()[1].split(":")
    assert timeout - 60 < int(minutes) * 60 + int(seconds) <= timeout, line


@test
def configurations(lab):
    """Each key of the configuration of services does what docs/configuration.md says: ports of nodes, masquerading, times.

    `node_port_addresses` of a range has them there alone, and `primary` on the addresses of the Node. With `masquerade_all` pods see the node of
    pods as well. With `cluster_cidr` clients are pods, or not, by that range. A time of TCP below that of keepalives is warned of. What an earlier
    configuration served besides is gone.
    """
    objects = service("web", 10, LOCAL, BOTH, nodePort=30080)
    lab.apply(*objects)
    node_ports(lab, [address for family in BOTH for address in (family.node, family.gateways["n1"])])

    times = {"tcp_fin_timeout": 30, "udp_timeout": 20}
    lab.worker.start(ipvs={"tcp_timeout": 7300, **times}, node_port_addresses="192.0.2.0/24", masquerade_all="yes")
    lab.apply(*objects)
    node_ports(lab, [IPV4.node])
    expect(ask(lab.pods["pod1"], IPV4.gateways["n1"], 30080), REFUSED, "an address that is not in the range")
    for family in BOTH:
        expect(askers(lab.pods["pod1"], family.cluster(10), 80)[1] <= family.seen, True, f"{family}: masquerade_all")
    assert WARNING not in lab.worker.log
    idle_connection(lab, 7300)

    # The client counts as a pod, too.
    ranges = "10.244.0.0/16, fd00:10:244::/48, 192.0.2.10/32, 2001:db8::10/128"
    lab.worker.start(ipvs={"tcp_timeout": 900, **times}, node_port_addresses="primary", cluster_cidr=ranges)
    lab.apply(*objects)
    node_ports(lab, [IPV4.node, IPV6.node])
    for family in BOTH:
        expect(askers(lab.client, family.cluster(10), 80), (set(LOCAL), {family.client}), f"{family}: cluster_cidr")
    assert f"{WARNING}; where" in lab.worker.log and "tcp_timeout=900 tcp_keepalive_time=7200" in lab.worker.log
    idle_connection(lab, 900)

    lab.node.set(net__ipv4__tcp_keepalive_time=600)
    lab.worker.start(ipvs={"tcp_timeout": 900, "tcp_fin_timeout": 120, "udp_timeout": 300})
    lab.apply(*objects)
    for family in BOTH:
        expect(askers(lab.client, family.cluster(10), 80)[1] <= family.seen, True, f"{family}: the pods of this node")
    assert WARNING not in lab.worker.log
    lab.node.set(net__ipv4__tcp_keepalive_time=7200)
