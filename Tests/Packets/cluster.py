"""Addresses and objects of the cluster that the packet tests make up."""

import itertools


class Family:
    """The addresses of one family."""

    def __init__(self, kind, outside, length, pods, pod_ranges, gateways, cluster, ranges, balancer):
        self.kind, self.length, self.pods, self.pod_ranges, self.gateways = kind, length, pods, pod_ranges, gateways
        self.outside, self.cluster, self.balancer = outside.format, cluster.format, balancer.format
        self.ranges = ranges
        self.client, self.node, self.node2, self.router = (self.outside(number) for number in (10, 11, 12, 1))
        self.bits = 32 if kind == "IPv4" else 128

    def __repr__(self):
        return self.kind

    def own(self, name):
        """The address of a host by its name."""
        return {"client": self.client, "node": self.node, "node2": self.node2, **self.pods}[name]

    @property
    def seen(self):
        """The addresses that pods see of clients that this node masquerades: the address is that of the interface towards the pod."""
        return {self.node, self.gateways["n1"]}


IPV4 = Family(
    "IPv4", "192.0.2.{}", 24, {"pod1": "10.244.1.5", "pod2": "10.244.1.6", "pod3": "10.244.2.7"},
    {"n1": "10.244.1.0/24", "n2": "10.244.2.0/24"}, {"n1": "10.244.1.1", "n2": "10.244.2.1"}, "10.96.0.{}", "10.96.0.0/12", "203.0.113.{}")
IPV6 = Family(
    "IPv6", "2001:db8::{}", 64, {"pod1": "fd00:10:244:1::5", "pod2": "fd00:10:244:1::6", "pod3": "fd00:10:244:2::7"},
    {"n1": "fd00:10:244:1::/64", "n2": "fd00:10:244:2::/64"}, {"n1": "fd00:10:244:1::1", "n2": "fd00:10:244:2::1"}, "fd00:96::{}",
    "fd00:96::/112", "2001:db8:113::{}")
BOTH = (IPV4, IPV6)
TRANSPORTS = ("TCP", "UDP", "SCTP")

PLACES = {"pod1": "n1", "pod2": "n1", "pod3": "n2"}
ALL = list(PLACES)
LOCAL = ["pod1", "pod2"]


def pod(name, zones=(), nodes=(), node=None, **conditions):
    """An endpoint that is not simply ready."""
    hints = {"forZones": [{"name": zone} for zone in zones], "forNodes": [{"name": node} for node in nodes]}
    return {"pod": name, "nodeName": node or PLACES[name], "conditions": {"ready": True, **conditions}, "hints": hints}


def ending(name, serving=True):
    """An endpoint that is about to end."""
    return pod(name, ready=False, serving=serving, terminating=True)


def service(
        name, number, endpoints, families=(IPV4,), transports=("TCP",), balancer=None, external=(), nodePort=None, port=80, annotations=None,
        labels=None, namespace="shop", ingress=None, **spec):
    """A service and its slices, one a family.

    number: the last part of its cluster addresses. endpoints: names of pods, or what `pod` says of them. balancer: the last part of the
    addresses of its load balancer. external: `externalIPs`. Where a port has several protocols each is named by it.
    """
    kind = "LoadBalancer" if balancer or ingress else "NodePort" if nodePort else "ClusterIP"
    ports = [
        {"name": transport.lower(), "port": port, "protocol": transport, **({"nodePort": nodePort} if nodePort else {})}
        for transport in transports]
    addresses = [family.cluster(number) for family in families]
    if ingress is None:
        ingress = [{"ip": family.balancer(balancer)} for family in families] if balancer else []
    all_of_it = {
        "kind": "Service", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}, "labels": labels or {}},
        "spec": {"type": kind, "clusterIP": addresses[0], "clusterIPs": addresses, "ports": ports, "externalIPs": list(external), **spec},
        "status": {"loadBalancer": {"ingress": ingress}}}
    return [all_of_it, *(slice_of(name, endpoints, family, transports, labels=labels, namespace=namespace) for family in families)]


def slice_of(name, endpoints, family=IPV4, transports=("TCP",), number=8080, suffix="1", labels=None, namespace="shop"):
    """A slice of a service."""
    described = [endpoint if isinstance(endpoint, dict) else pod(endpoint) for endpoint in endpoints]
    return {
        "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": family.kind,
        "metadata": {
            "name": f"{name}-{family.kind.lower()}-{suffix}", "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name, **(labels or {})}},
        "ports": [{"name": transport.lower(), "port": number, "protocol": transport} for transport in transports],
        "endpoints": [{"addresses": [family.pods[one["pod"]]], **{key: one[key] for key in one if key != "pod"}} for one in described]}


def surroundings(zones=None):
    """The nodes, and the ranges of cluster addresses."""
    nodes = [
        {"kind": "Node", "apiVersion": "v1",
         "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": (zones or {}).get(name, f"zone-{name}")}},
         "spec": {"podCIDRs": [family.pod_ranges[name] for family in BOTH]},
         "status": {"addresses": [{"type": "InternalIP", "address": family.own(host)} for family in BOTH]}}
        for name, host in (("n1", "node"), ("n2", "node2"))]
    ranges = {
        "kind": "ServiceCIDR", "apiVersion": "networking.k8s.io/v1", "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [family.ranges for family in BOTH]}}
    return [ranges, *nodes]


def combinations(*lists):
    """Each of the first with each of the second, and so on."""
    return list(itertools.product(*lists))
