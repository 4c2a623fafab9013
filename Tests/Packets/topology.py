"""The hosts of the packet tests: network namespaces, servers in them, and workers on nodes.

    client .10    node .11 with pod1 and pod2    node2 .12 with pod3    the router of both nodes .1, which is node2 as well

Each has an address of both families: see cluster.py.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile

from cluster import BOTH, IPV4, PLACES, service, surroundings
from traffic import Inside, Server, ask, eventually, family_of


def run(*words, check=True, text=None):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, input=text)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)}: {done.stdout}")
    return done.stdout


class Host(Inside):
    """A network namespace."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        super().__init__(f"/run/netns/{name}")
        # No address is looked for elsewhere before it is used. SCTP sends anew after 3 s otherwise: an answer that comes within the system call
        # gets lost.
        self.set(
            net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0, net__sctp__rto_initial=1000)
        self.ip("link set lo up")

    def address(self, like):
        """Its address of the family of another."""
        return next(family for family in BOTH if family_of(family.client) == family_of(like)).own(self.name)

    def ip(self, *commands):
        run("ip", "-n", self.name, "-batch", "-", text="\n".join(commands) + "\n")

    def run(self, *words, check=True):
        return self.inside(run, *words, check=check)

    def set(self, **values):
        self.run("sysctl", "-qw", *(f"{name.replace('__', '.')}={value}" for name, value in values.items()))


class Worker:
    """A worker on a node, which reads a folder of manifests."""

    def __init__(self, program, host, node, manifests):
        self.program, self.host, self.node, self.manifests = program, host, node, manifests
        self.folder = tempfile.mkdtemp()
        self.process = None

    def configure(self, driver="ipvs", ipvs=None, **source):
        """Writes its configuration, and returns its command. ipvs, source: keys of the driver's and of the cluster's section."""
        sections = {
            "worker": {"driver": driver, "state_dir": f"{self.folder}/state"},
            "worker:ipvs": {"drain_timeout": 60, **(ipvs or {})},
            "gearman": {"servers": ""},
            "api": {"socket": f"{self.folder}/api.sock"},
            "source:kubernetes": {"manifests": self.manifests, "node_name": self.node, **source}}
        if driver != "ipvs":
            del sections["worker:ipvs"]
        with open(f"{self.folder}/conf", "w", encoding="utf-8") as file:
            for name, values in sections.items():
                file.write(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))
        return ["ip", "netns", "exec", self.host.name, self.program, "--config-file", f"{self.folder}/conf"]

    def start(self, **options):
        """Starts it anew with an empty log, and waits until it has started."""
        if self.runs:
            self.stop()
        with open(f"{self.folder}/log", "w", encoding="utf-8") as log:
            # `ip netns exec` becomes the worker.
            self.process = subprocess.Popen(self.configure(**options), stdout=log, stderr=log)
        eventually("the worker has started", lambda: "INFO  started" in self.log, 120)

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    @property
    def log(self):
        with open(f"{self.folder}/log", encoding="utf-8") as file:
            return file.read()

    def ask(self, path):
        """What its API answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(60)
            connection.connect(f"{self.folder}/api.sock")
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: worker\r\n\r\n".encode())
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return json.loads(answer.split(b"\r\n\r\n", 1)[1])

    def stop(self):
        if not self.runs:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def cleanup(self):
        run(*self.configure(), "--cleanup")


class Lab:
    """All hosts, and a worker on each node, of which that on node2 does not run unless a test starts it."""

    def __init__(self, program):
        self.manifests = tempfile.mkdtemp()
        self.applied = 0
        # Debian does not load it by itself.
        run("modprobe", "sctp")
        self.switch = Host("switch")
        # The kernel has limits for messages that say that something is unreachable, for all together.
        run("sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=100000", "net.ipv4.route.error_cost=0")
        self.switch.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")
        self.client, self.node, self.node2 = (self.plug(name) for name in ("client", "node", "node2"))
        self.pods, self.servers = {}, {}
        for host in (self.node, self.node2):
            host.set(
                net__ipv4__ip_forward=1, net__ipv4__icmp_ratelimit=0, net__ipv4__conf__all__send_redirects=0,
                net__ipv4__conf__eth0__send_redirects=0, net__ipv6__conf__all__forwarding=1, net__ipv6__icmp__ratelimit=0)
        for name, place in PLACES.items():
            self.add_pod(name, place, self.node if place == "n1" else self.node2)
        self.lead()
        self.servers["sshd"] = Server(self.node, "sshd", ["0.0.0.0", "::"], 22)
        self.worker = Worker(program, self.node, "n1", self.manifests)
        self.worker2 = Worker(program, self.node2, "n2", self.manifests)

    def plug(self, name):
        host = Host(name)
        self.switch.ip(
            f"link add to-{name} type veth peer name eth0 netns {name}", f"link set to-{name} master br0", f"link set to-{name} up")
        host.ip("link set eth0 up", *(f"addr add {family.own(name)}/{family.length} dev eth0" for family in BOTH))
        return host

    def add_pod(self, name, place, node):
        """Each pod has a wire of its own: what it answers must pass through the node."""
        host = self.pods[name] = Host(name)
        node.ip(f"link add to-{name} type veth peer name eth0 netns {name}", f"link set to-{name} up")
        host.ip("link set eth0 up")
        for family in BOTH:
            address, gateway = family.pods[name], family.gateways[place]
            node.ip(f"addr add {gateway}/{family.bits} dev to-{name}", f"route add {address}/{family.bits} dev to-{name}")
            host.ip(
                f"addr add {address}/{family.bits} dev eth0", f"route add {gateway}/{family.bits} dev eth0",
                f"route add default via {gateway}")
        self.servers[name] = Server(host, name, [family.pods[name] for family in BOTH], 8080)

    def lead(self):
        for family in BOTH:
            self.node2.ip(f"addr add {family.router}/{family.length} dev eth0")
            for host, other, place in ((self.node, family.node2, "n2"), (self.node2, family.node, "n1")):
                host.ip(f"route add {family.pod_ranges[place]} via {other}")
            self.node.ip(f"route add default via {family.router}")
            self.lead_client(family, family.node)

    def lead_client(self, family, node):
        """Has the client send what is for services through a node."""
        balancers = family.balancer(0) + f"/{family.length if family is IPV4 else 112}"
        self.client.ip(f"route replace {family.ranges} via {node}", f"route replace {balancers} via {node}")

    def served(self, host=None):
        """The listeners of the node with real servers that get connections."""
        served, listener = set(), None
        for words in map(str.split, (host or self.node).run("ipvsadm", "-Sn").splitlines()):
            if words[0] == "-A":
                listener = words[2]
            elif words[words.index("-w") + 1] != "0":
                served.add(listener)
        return served

    def write(self, *objects, name="cluster"):
        """Writes a manifest, or removes it where it would be empty."""
        path = f"{self.manifests}/{name}.json"
        if not objects:
            os.remove(path)
            return
        with open(f"{self.manifests}/.new", "w", encoding="utf-8") as file:
            json.dump({"kind": "List", "apiVersion": "v1", "items": objects}, file)
        os.rename(f"{self.manifests}/.new", path)

    def apply(self, *objects, zones=None):
        """Has the cluster consist of the nodes and these objects, and waits until each worker that runs serves it.

        A worker commits all of a manifest at once, so a service that is new with it tells.
        """
        self.applied += 1
        number = 100 + self.applied % 100
        mark = service(f"mark-{self.applied}", number, ["pod3"], balancer=number)
        self.write(*surroundings(zones), *objects, *mark)
        # What a pod sends passes the guard of its node, which is opened last.
        for worker, inside in ((self.worker, self.pods["pod2"]), (self.worker2, self.pods["pod3"])):
            if worker.runs:
                eventually(
                    f"node {worker.node} serves the cluster",
                    lambda inside=inside: ask(inside, IPV4.balancer(number), 80, seconds=1)[0] == "pod3")
