"""How fast services of a Kubernetes cluster are served. Run by scripts/bench kubernetes, on a kernel with IPVS: Tests/Kernel/rig/boot.

Usage: kubernetes.py WORKER COUNT. An API server of this program, on the same processor, has the objects: lists, and then a watch with 100
changes of one endpoint a second. What the worker measures from the time that a change has as its cause is read of its metrics.
"""

import http.server
import json
import mmap
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ENDPOINTS = 5
# How many objects a page of a list has: as many as the worker asks for.
PAGE = 500


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def address(kind, number):
    return f"10.{kind + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def service(number):
    return {
        "metadata": {"name": f"s{number}", "namespace": "bench", "resourceVersion": "1"},
        "spec": {"type": "ClusterIP", "clusterIP": address(96, number + 1), "clusterIPs": [address(96, number + 1)],
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]}, "status": {"loadBalancer": {}}}


def slice_of(number, shift=0, version="1", cause=None):
    """The slice of a service; the last of its endpoints is another one where the shift is."""
    first = number * (ENDPOINTS + 1)
    places = [first + index for index in range(ENDPOINTS - 1)] + [first + ENDPOINTS - 1 + shift]
    metadata = {
        "name": f"s{number}-x", "namespace": "bench", "resourceVersion": version, "labels": {"kubernetes.io/service-name": f"s{number}"}}
    if cause:
        metadata["annotations"] = {"endpoints.kubernetes.io/last-change-trigger-time": cause}
    return {
        "metadata": metadata, "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [address(128, place)], "conditions": {"ready": True, "serving": True, "terminating": False},
             "nodeName": f"n{place % 100}"} for place in places]}


class Cluster:
    """The API server: its lists are made before they are asked for."""

    def __init__(self, count, folder):
        self.count = count
        self.answered = None
        self.changes = threading.Event()
        self.stopped = False
        self.sent = 0
        self.lists = {
            "services": self.list("Service", [service(number) for number in range(count)]),
            "endpointslices": self.list("EndpointSlice", [slice_of(number) for number in range(count)]),
            "nodes": self.list("Node", [{"metadata": {"name": "n1", "resourceVersion": "1"}, "spec": {"podCIDRs": ["10.128.0.0/24"]}}]),
            "servicecidrs": self.list(
                "ServiceCIDR", [{"metadata": {"name": "kubernetes", "resourceVersion": "1"}, "spec": {"cidrs": ["10.96.0.0/11"]}}])}
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                resource = url.path.rsplit("/", 1)[1]
                self.send_response(200)
                if "watch=true" in url.query:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    return cluster.watch(self.wfile, resource)
                fields = urllib.parse.parse_qs(url.query)
                assert fields["limit"] == [str(PAGE)]
                body = cluster.lists[resource][int(fields.get("continue", ["0"])[0])]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                cluster.answered = time.monotonic()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def list(kind, items):
        """The pages of a list."""
        starts = range(0, max(1, len(items)), PAGE)
        return [
            json.dumps({"kind": f"{kind}List", "items": items[start:start + PAGE], "metadata": {
                "resourceVersion": "1", **({} if start == starts[-1] else {"continue": str(number + 1)})}}).encode()
            for number, start in enumerate(starts)]

    def watch(self, file, resource):
        while not self.stopped:
            if resource != "endpointslices" or not self.changes.wait(0.2):
                time.sleep(0.2)
                continue
            start, number = time.monotonic(), 0
            while self.changes.is_set() and not self.stopped:
                now = time.time()
                cause = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
                self.sent += 1
                place = self.sent * 7919 % self.count
                changed = slice_of(place, self.sent // self.count + self.sent % 2, str(self.sent + 1), cause)
                line = json.dumps({"type": "MODIFIED", "object": {"kind": "EndpointSlice", **changed}}).encode() + b"\n"
                file.write(b"%x\r\n%s\r\n" % (len(line), line))
                file.flush()
                number += 1
                time.sleep(max(0, start + number / 100 - time.monotonic()))


class Worker:
    def __init__(self, program, folder, port):
        self.program, self.folder = program, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.health = free.getsockname()[1]
        with open(f"{folder}/conf", "w", encoding="utf-8") as file:
            file.write(
                f"[worker]\ndriver = ipvs\nstate_dir = {folder}/state\n[worker:ipvs]\ndrain_timeout = 5\nresync_interval = 3600\n[gearman]\n"
                f"servers =\n[api]\nsocket = {folder}/api.sock\n[source:kubernetes]\nserver = https://127.0.0.1:{port}\n"
                f"ca_file = {folder}/cert\nnode_name = n1\nedge = routes\nhealth_listen = 127.0.0.1:{self.health}\n")

    def start(self):
        self.log, self.served = [], queue.SimpleQueue()
        self.process = subprocess.Popen(
            [self.program, "--config-file", f"{self.folder}/conf"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self.read, args=(self.process, self.log, self.served), daemon=True).start()

    @staticmethod
    def read(process, log, served):
        """Reads the log to its end, and notes when all is served. Nobody looks for that again and again: there is one processor."""
        for line in process.stdout:
            log.append(line)
            if "INFO  the services of the cluster are served" in line:
                served.put(time.monotonic())
        served.put(None)

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=30) as answer:
            return {
                match[1]: float(match[2]) for match in re.finditer(rf"^{name}(\S*) (\S+)$", answer.read().decode(), re.MULTILINE)}

    def wait(self, seconds=120):
        """When all was served."""
        try:
            done = self.served.get(timeout=seconds)
        except queue.Empty:
            done = None
        if done is None:
            raise SystemExit(f"the services are not served:\n{''.join(self.log)[-3000:]}")
        return done

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def faults(self):
        """How many pages of memory the kernel has given it so far, each by a page fault."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            return int(file.read().rsplit(")", 1)[1].split()[7])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


# From when a change was read, and from its cause, which the API server of this program writes into it.
READ, CAUSE = (f"kubeproxy_{name}_duration_seconds_bucket" for name in ("sync_proxy_rules", "network_programming"))


def latency(worker, cluster, seconds):
    """For each of both times: the upper bounds of the buckets that 99 % and half of the changes are in, in ms, and how many there were."""
    before = {name: worker.metric(name) for name in (READ, CAUSE)}
    cluster.changes.set()
    time.sleep(seconds)
    cluster.changes.clear()
    time.sleep(1)
    return [bounds_of(before[name], worker.metric(name)) for name in (READ, CAUSE)]


def bounds_of(before, after):
    counts = {}
    for label, value in after.items():
        bound = re.search(r'le="([^"]+)"', label)[1]
        counts[float("inf") if bound == "+Inf" else float(bound)] = value - before.get(label, 0)
    total = counts[float("inf")]
    bounds = sorted(counts)
    half = next(bound for bound in bounds if counts[bound] >= total * 0.5)
    return next(bound for bound in bounds if counts[bound] >= total * 0.99) * 1000, half * 1000, int(total)


class Rows(list):
    """The rows of the table, which are told as they come."""

    def append(self, row):
        super().append(row)
        print(f"{row[0]}: {row[1]:.2f}", file=sys.stderr, flush=True)


def measure(program, count, seconds, rows):
    with tempfile.TemporaryDirectory() as folder:
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key", "-out", f"{folder}/cert")
        cluster = Cluster(count, folder)
        worker = Worker(program, folder, cluster.port)
        worker.start()
        begun = time.monotonic()
        done = worker.wait()
        begun_listing = time.monotonic()
        assert run("ipvsadm", "-Sn").count("\n") == count * (ENDPOINTS + 1)
        listed = time.monotonic() - begun_listing
        rows.append((f"{count:,} services of {ENDPOINTS}: start to all served, s", done - begun, ""))
        rows.append((f"{count:,} services of {ENDPOINTS}: last list answered to all served, s", done - cluster.answered, "≤ 2" if count == 10_000 else ""))
        rows.append((f"{count:,} services of {ENDPOINTS}: page faults of the worker until then", worker.faults(), ""))
        rows.append((f"{count:,} services of {ENDPOINTS}: resident memory then, MB", worker.memory(), "≤ 100" if count == 10_000 else ""))
        (p99, half, total), (p99_cause, _, total_cause) = latency(worker, cluster, seconds)
        rows.append((f"{count:,} services: {total_cause:,} changes of an endpoint, 100 a second: from the event to the kernel, 99 % within, ms", p99,
                     "≤ 10"))
        rows.append((f"{count:,} services: half of the {total:,} commits within, ms", half, ""))
        rows.append((f"{count:,} services: 99 % with the time that the API server needs to send it, ms", p99_cause, ""))
        time.sleep(8)
        worker.stop()
        worker.start()
        begun = time.monotonic()
        done = worker.wait()
        rows.append((f"{count:,} services: start over a right kernel, s", done - begun, "≤ 1" if count == 10_000 else ""))
        rows.append((f"{count:,} services: ipvsadm -Sn lists the same table in, s", listed, ""))
        rows.append((f"{count:,} services: page faults of the worker until then", worker.faults(), ""))
        time.sleep(5)
        rows.append((f"{count:,} services: resident memory then, MB", worker.memory(), ""))
        cluster.stopped = True
        worker.stop()
        run("ipvsadm", "-C")
        cluster.server.shutdown()


def microseconds(count, body):
    start = time.perf_counter()
    body()
    return (time.perf_counter() - start) / count * 1e6


def pace(rows):
    """What takes most of a start in user-mode Linux, and differs from host to host."""
    page = 4096
    with mmap.mmap(-1, 20_000 * page) as memory:
        def touch():
            for place in range(0, len(memory), page):
                memory[place] = 1
        rows.append(("this kernel: a page of memory that is new to a process, µs", microseconds(20_000, touch), ""))
    rows.append(("this kernel: a system call, µs", microseconds(20_000, lambda: [os.getppid() for _ in range(20_000)]), ""))


def main():
    program = sys.argv[1]
    rows = Rows()
    pace(rows)
    run("ip", "link", "set", "lo", "up")
    with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="utf-8") as file:
        file.write("1")
    measure(program, int(sys.argv[2]), 10, rows)
    for name, value, target in rows:
        result = "" if not target else "met" if value <= float(target[2:]) else "**NOT met**"
        print(f"| {name} | {value:,.2f} | {target or '–'} | {result or '–'} |")


main()
