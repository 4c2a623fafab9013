"""Compares lbaas-server with the real octavia-api: started by `scripts/test --peer octavia`."""

import argparse
import collections
import http.client
import json
import os
import random
import re
import sys
import time

from fleet import Fleet, free_port

UNKNOWN = "00000000-0000-4000-8000-00000000dead"
SUBNET = "00000000-0000-4000-8000-000000000001"
PROJECT = "5f00000000000000000000000000cafe"

# What is different for a reason: a name, the reason, and whether an answer is such a one. Each is counted.
DIFFERENCES = [
    ("not implemented", "no worker can do it: a client can tell by 501", lambda call, ours, theirs: ours.status == 501 and theirs.status < 500),
    ("monitor times", "a worker wants a timeout of 1 s at least that is not longer than the delay",
     lambda call, ours, theirs: ours.status == 400 and theirs.status < 500 and ("longer than" in ours.text or "one second" in ours.text)),
    ("no address", "an address or nothing is enough here, Octavia wants a subnet, a network or a port",
     lambda call, ours, theirs: ours.status == 201 and "VIP must contain one of" in theirs.text),
    ("octavia fails", "an exception of octavia-api, with 500", lambda call, ours, theirs: theirs.status == 500 and 400 <= ours.status < 500),
    ("two faults", "where an object is not there and a value is wrong, either is told first",
     lambda call, ours, theirs: {ours.status, theirs.status} == {400, 404} and UNKNOWN in f"{call.path} {call.body}"),
    ("null", "a null is no value of a field that is needed",
     lambda call, ours, theirs: ours.status == 400 and "Value: 'None'. Mandatory" in ours.text and "None" in str(call.body)),
]

# Values that are not the same for a reason.
OWN_VALUES = {
    "id", "created_at", "updated_at", "vip_address", "vip_port_id", "vip_subnet_id", "vip_network_id", "provider", "operating_status",
    "project_id", "tenant_id", "tls_versions", "alpn_protocols", "tls_ciphers", "provisioning_error", "loadbalancers", "listeners", "pools",
    "members", "healthmonitors", "default_pool_id", "healthmonitor_id", "vnic_type", "provisioning_status",
}

Call = collections.namedtuple("Call", "method path body")
Answer = collections.namedtuple("Answer", "status body text")


class Client:
    def __init__(self, port, headers):
        self.port, self.headers = port, headers

    def send(self, call):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = None if call.body is None else json.dumps(call.body)
        connection.request(call.method, "/v2" + call.path, body, self.headers | ({"Content-Type": "application/json"} if body else {}))
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        try:
            body = json.loads(text) if text.strip() else None
        except ValueError:
            body = None
        return Answer(response.status, body, (body or {}).get("faultstring", text) if isinstance(body, dict) else text)


class Comparison:
    def __init__(self, ours, theirs, subnet, seed):
        self.ours, self.theirs, self.subnet = ours, theirs, subnet
        self.random = random.Random(seed)
        # Of each kind the ids there and here; for members with their pool.
        self.objects = collections.defaultdict(list)
        self.reasons = collections.Counter()
        self.statuses = collections.Counter()
        self.count = 0
        self.faults = []

    def pick(self, kind):
        """A placeholder for an object, which each side has another id of."""
        if self.objects[kind] and self.random.random() < 0.95:
            return self.random.choice(self.objects[kind])
        return (UNKNOWN, UNKNOWN)

    def translate(self, value, side):
        if isinstance(value, tuple):
            return value[side]
        if isinstance(value, dict):
            return {name: self.translate(one, side) for name, one in value.items()}
        if isinstance(value, list):
            return [self.translate(one, side) for one in value]
        return value

    def compare(self, method, path, body=None, kind=None, one=None):
        """Sends a request to both, and compares the answers."""
        self.count += 1
        calls = [Call(method, "".join(self.translate(part, side) for part in path), self.translate(body, side)) for side in (0, 1)]
        ours, theirs = self.ours.send(calls[0]), self.theirs.send(calls[1])
        self.statuses[theirs.status] += 1
        place = f"{method} {calls[0].path} {json.dumps(body)}: {ours.status} {ours.text[:300]!r}, octavia {theirs.status} {theirs.text[:300]!r}"
        if ours.status != theirs.status:
            for name, _, is_such in DIFFERENCES:
                if is_such(calls[0], ours, theirs):
                    self.reasons[name] += 1
                    break
            else:
                self.faults.append("status: " + place)
        elif ours.status < 300 and ours.body is not None:
            self.compare_bodies(ours.body, theirs.body, place, one)
        elif ours.status >= 400 and set(ours.body or {}) != set(theirs.body or {}):
            # Errors of octavia-api from outside its controllers have another form, which its own clients do not show.
            if set(theirs.body or {}) != {"code", "title", "description"} or "faultstring" not in ours.body:
                self.faults.append("error body: " + place)
        self.settle()
        created = None
        if method == "POST" and kind and 201 == ours.status == theirs.status:
            created = (ours.body[kind]["id"], theirs.body[kind]["id"])
            self.objects[kind].append(created)
        elif 201 in (ours.status, theirs.status) and ours.status != theirs.status:
            self.undo(ours, theirs, kind, calls)
        return ours, theirs, created

    def undo(self, ours, theirs, kind, calls):
        """Deletes what only one of them has created, so that both have the same."""
        client, answer, call = (self.ours, ours, calls[0]) if ours.status == 201 else (self.theirs, theirs, calls[1])
        client.send(Call("DELETE", f"{call.path}/{answer.body[kind]['id']}" + ("?cascade=true" if kind == "loadbalancer" else ""), None))
        self.settle()

    def compare_bodies(self, ours, theirs, place, one):
        if one:
            ours, theirs = ours[one], theirs[one]
        missing = set(theirs) - set(ours)
        # Octavia leaves out the id of a health monitor that is not there.
        added = set(ours) - set(theirs) - {"provisioning_error", "healthmonitor_id"}
        if missing or added:
            self.faults.append(f"fields: {place}: missing {sorted(missing)}, added {sorted(added)}")
        for name in sorted(set(ours) & set(theirs) - OWN_VALUES):
            if name.endswith("_links"):
                continue
            if name == "tags":
                ours[name], theirs[name] = sorted(ours[name]), sorted(theirs[name])
            if ours[name] != theirs[name] and not (ours[name] in ([], None) and theirs[name] in ([], None)):
                self.faults.append(f"value of {name}: {ours[name]!r}, octavia {theirs[name]!r}: {place[:200]}")

    def settle(self):
        self.theirs.send_settle()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            bodies = [self.ours.send(Call("GET", f"/lbaas/{name}?fields=provisioning_status", None)).body[name] for name in ("loadbalancers", "pools")]
            if not any(one["provisioning_status"].startswith("PENDING") for body in bodies for one in body):
                return
            time.sleep(0.005)
        raise SystemExit("our workers do not settle")

    # What is sent.

    def maybe(self, fields):
        """Some of the fields."""
        return {name: value for name, value in fields.items() if self.random.random() < 0.5}

    def act(self):
        choose = self.random.choice
        actions = [
            self.load_balancer, self.load_balancer, self.listener, self.listener, self.listener, self.pool, self.pool, self.pool, self.member,
            self.member, self.member, self.batch, self.monitor, self.monitor, self.update, self.update, self.update, self.show, self.show,
            self.delete, self.lists,
        ]
        choose(actions)()

    def some(self, good, bad):
        """A good value, and now and then a bad one."""
        return self.random.choice(bad if self.random.random() < 0.06 else good)

    def head(self):
        return self.maybe({
            "name": self.some(["a", "é \"x\"", "", "x" * 255, None], ["x" * 256, 7]), "description": self.random.choice(["", "d", None]),
            "admin_state_up": self.random.choice([True, False]), "tags": self.random.choice([[], ["red"], ["red", "blue"]]),
        })

    def load_balancer(self):
        body = self.head() | {"project_id": PROJECT}
        if self.random.random() < 0.95:
            body["vip_subnet_id"] = (self.subnet, SUBNET)
        if self.random.random() < 0.1:
            body |= self.random.choice([
                {"vip_address": "x"}, {"vip_subnet_id": "x"}, {"nome": 1}, {"flavor_id": UNKNOWN}, {"availability_zone": "x"}, {"admin_state_up": "x"},
                {"tags": "x"}, {"listeners": 7}, {"provider": "nobody"},
            ])
        if len(self.objects["loadbalancer"]) > 3:
            return self.delete("loadbalancer")
        self.compare("POST", ["/lbaas/loadbalancers"], {"loadbalancer": body}, "loadbalancer", "loadbalancer")

    def listener(self):
        body = self.head() | {
            "loadbalancer_id": self.pick("loadbalancer"), "protocol": self.some(["HTTP", "TCP", "HTTPS", "UDP", "SCTP"], ["BAD", None]),
            "protocol_port": self.some([80, 81, 82, 443, "82"], [0, 65536, None]),
        } | self.maybe({
            "timeout_client_data": self.some([0, 50000], [-1, 2073600001]), "default_pool_id": self.pick("pool"),
            "connection_limit": self.some([-1], [-2]),
        })
        body.pop("description", None) if self.random.random() < 0.3 else None
        if self.random.random() < 0.1:
            body.pop(self.random.choice(list(body)))
        self.compare("POST", ["/lbaas/listeners"], {"listener": body}, "listener", "listener")

    def pool(self):
        body = self.head() | {
            "protocol": self.some(["HTTP", "TCP", "HTTPS", "UDP", "SCTP"], ["BAD", None]),
            "lb_algorithm": self.some(["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"], ["BAD"]),
        }
        if self.random.random() < 0.7:
            body["listener_id"] = self.pick("listener")
        else:
            body["loadbalancer_id"] = self.pick("loadbalancer")
        body |= self.maybe({"session_persistence": self.random.choice([
            {"type": "SOURCE_IP"}, {"type": "HTTP_COOKIE"}, {"type": "BAD"}, {"type": "HTTP_COOKIE", "cookie_name": "x"},
            {"type": "SOURCE_IP", "persistence_timeout": 7}])})
        self.compare("POST", ["/lbaas/pools"], {"pool": body}, "pool", "pool")

    def member_body(self):
        head = self.head()
        head.pop("description", None)
        return head | {
            "address": self.some(["192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1"], ["x"]),
            "protocol_port": self.some([80, 81], [0, "x"]),
        } | self.maybe({"weight": self.some([0, 1, 256], [257, -1]), "backup": self.random.choice([True, False])})

    def member(self):
        pool = self.pick("pool")
        _, _, created = self.compare("POST", ["/lbaas/pools/", pool, "/members"], {"member": self.member_body()}, "member", "member")
        if created:
            self.objects["member"][-1] = created
            self.objects["place"].append((pool, created))

    def batch(self):
        members = [self.member_body() for _ in range(self.random.randrange(4))]
        pool = self.pick("pool")
        self.compare("PUT", ["/lbaas/pools/", pool, "/members"], {"members": members})

    def monitor(self):
        head = self.head()
        head.pop("description", None)
        body = head | {
            "pool_id": self.pick("pool"), "type": self.some(["HTTP", "TCP", "PING", "HTTPS", "TLS-HELLO", "UDP-CONNECT"], ["BAD"]),
            "delay": self.some([5], [0, -1]), "timeout": self.some([5, 3], [9]), "max_retries": self.some([3], [0, 11]),
        } | self.maybe({
            "url_path": self.some(["/", "/x"], ["x"]), "expected_codes": self.some(["200", "200-204", "200,202"], ["x"]),
            "http_method": self.some(["GET", "HEAD"], ["BAD"]), "max_retries_down": self.some([1, 10], [0]),
        })
        if self.random.random() < 0.1:
            body.pop(self.random.choice(list(body)))
        self.compare("POST", ["/lbaas/healthmonitors"], {"healthmonitor": body}, "healthmonitor", "healthmonitor")

    def update(self):
        kind = self.random.choice(["loadbalancer", "listener", "pool", "healthmonitor", "member"])
        changes = {
            "loadbalancer": {"vip_address": "192.0.2.1"}, "listener": {"timeout_member_data": self.some([1], [-1]), "protocol_port": 9},
            "pool": {"lb_algorithm": self.some(["SOURCE_IP"], ["BAD"]), "protocol": "TCP"},
            "healthmonitor": {"max_retries": self.some([2], [11]), "type": "TCP"},
            "member": {"weight": self.some([0, 7], [257]), "address": "192.0.2.9"},
        }
        body = self.head() | {name: value for name, value in changes[kind].items() if self.random.random() < 0.15}
        if kind in ("member", "healthmonitor"):
            body.pop("description", None)
        self.compare("PUT", self.path(kind), {kind: body}, None, kind)

    def path(self, kind):
        if kind == "member":
            pool, member = self.random.choice(self.objects["place"]) if self.objects["place"] else (self.pick("pool"), (UNKNOWN, UNKNOWN))
            return ["/lbaas/pools/", pool, "/members/", member]
        return [f"/lbaas/{kind}s/", self.pick(kind)]

    def show(self):
        kind = self.random.choice(["loadbalancer", "listener", "pool", "healthmonitor", "member"])
        if self.random.random() < 0.2:
            return self.compare("GET", [f"/lbaas/{self.random.choice(['loadbalancer', 'listener'])}s/", self.pick("loadbalancer"), "/stats"])
        return self.compare("GET", self.path(kind), None, None, kind)

    def lists(self):
        kind = self.random.choice(["loadbalancers", "listeners", "pools", "healthmonitors"])
        query = self.random.choice(["", "?name=a", "?admin_state_up=true", "?tags=red", "?colour=red", "?limit=x", "?sort=name:up", "?marker=x", "?limit=2"])
        ours, theirs, _ = self.compare("GET", [f"/lbaas/{kind}{query}"])
        if ours.status == 200 == theirs.status and len(ours.body[kind]) != len(theirs.body[kind]):
            self.faults.append(f"length of {kind}{query}: {len(ours.body[kind])}, octavia {len(theirs.body[kind])}")

    def delete(self, kind=None):
        kind = kind or self.random.choice(["loadbalancer", "listener", "pool", "healthmonitor", "member"])
        path = self.path(kind)
        suffix = "?cascade=true" if kind == "loadbalancer" and self.random.random() < 0.5 else ""
        ours, _, _ = self.compare("DELETE", path + [suffix])
        if ours.status == 204:
            # Those that were deleted with it stay, and are not there.
            self.objects[kind] = [one for one in self.objects[kind] if one != path[-1]]
            for kind in ("listener", "pool", "healthmonitor"):
                del self.objects[kind][:-12]
            self.objects["place"] = [one for one in self.objects["place"] if one[1] != path[-1]]


class Peer(Client):
    def send_settle(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/settle", headers={"Content-Length": "0"})
        if connection.getresponse().status != 204:
            raise SystemExit("octavia-api could not be settled")
        connection.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(100000))
    arguments = parser.parse_args()
    port = free_port()
    with Fleet() as fleet:
        process = fleet.run("octavia", sys.executable, "-B", os.path.join(os.path.dirname(__file__), "octavia_peer.py"), str(port), fleet.folder.name)
        peer = Peer(port, {})

        def is_up():
            try:
                return peer.send(Call("GET", "/lbaas/loadbalancers", None)).status == 200
            except OSError:
                return process.poll() is not None

        fleet.wait("octavia-api", is_up, 60)
        ours = Client(fleet.port, {"X-Auth-Token": fleet.token()})
        subnet = ours.send(Call("GET", "/subnets", None)).body["subnets"][0]["id"]
        comparison = Comparison(ours, peer, subnet, arguments.seed)
        end = time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            comparison.act()
    print(f"seed {arguments.seed}: {comparison.count} requests, statuses of octavia {dict(sorted(comparison.statuses.items()))}")
    for name, reason, _ in DIFFERENCES:
        print(f"  {comparison.reasons[name]:5} {name}: {reason}")
    kinds = collections.Counter(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", re.sub("x{9,}", "xxx", fault))[:300] for fault in comparison.faults)
    for fault, count in kinds.most_common(40):
        print(f"{count:5} differences: {fault}")
    for fault in comparison.faults[:10]:
        print(fault)
    print(f"{comparison.count} passed, {len(comparison.faults)} failed" if comparison.faults else f"{comparison.count} passed, 0 failed")
    return 1 if comparison.faults else 0


sys.exit(main())
