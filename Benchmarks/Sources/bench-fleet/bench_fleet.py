#!/usr/bin/env python3
"""bench_fleet.py: measures lbaas-server with real job servers and real workers (dummy driver), and prints the results as Markdown.

  --server, --worker PATH   the programs
  --peer PYTHON             a Python that has the real octavia-api, for the case peer
  --case NAME               latency, rate, sharing, idle, faults or peer; may be given several times; all without it
  --store NAME              sqlite or etcd (three members); may be given several times; both without it
  --quick                   fewer load balancers and workers
  --output FILE             writes the results there, too
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise SystemExit(f"bench_fleet: waited {seconds} s in vain: {what}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Fleet:
    """Job server, workers, store and one server, each a process of its own, in a folder of their own."""

    def __init__(self, options, store, workers, group_size=2, members=3):
        self.options = options
        self.members = members
        self.folder = tempfile.mkdtemp(prefix="bench-fleet-")
        self.processes = []
        self.workers = {}
        self.gearman = free_port()
        self.spawn("gearmand", ["/usr/sbin/gearmand", "-L", "127.0.0.1", "-p", str(self.gearman), "-l", "none",
                                "-P", f"{self.folder}/gearmand.pid"])
        wait_until("gearmand answers", lambda: answers(self.gearman))
        names = [f"w{number}" for number in range(workers)]
        groups = [names[start:start + group_size] for start in range(0, workers, group_size)]
        sections = [f"[group:g{n}]\nworkers = {', '.join(group)}\naddresses = 10.{n + 1}.0.0/16\ninterface = none\n"
                    for n, group in enumerate(groups)]
        text = f"[server]\nstore = {self.store(store)}\n[gearman]\nservers = 127.0.0.1:{self.gearman}\n" + "".join(sections)
        if store == "etcd":
            text += f"[cluster]\netcd = {', '.join(f'http://127.0.0.1:{port}' for port in self.etcd)}\n"
        self.configuration = self.file("server.conf", text)
        for name in names:
            self.start_worker(name)
        password = self.file("password", "correct horse\n")
        subprocess.run([options.server, "--config-file", self.configuration, "user", "add", "bench", "--role", "admin",
                        "--password-file", password], check=True, stdout=subprocess.DEVNULL)
        self.start_server()

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def spawn(self, name, words):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self.processes.append(process)
        return process

    def store(self, kind):
        if kind == "sqlite":
            return f"sqlite:{self.folder}/store"
        self.etcd, peers = [free_port() for _ in range(self.members)], [free_port() for _ in range(self.members)]
        cluster = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(peers))
        self.etcds = []
        for n in range(self.members):
            client, peer = f"http://127.0.0.1:{self.etcd[n]}", f"http://127.0.0.1:{peers[n]}"
            self.etcds.append(self.spawn(f"etcd{n}", ["etcd", "--name", f"m{n}", "--data-dir", f"{self.folder}/etcd{n}", "--listen-client-urls", client,
                                    "--advertise-client-urls", client, "--listen-peer-urls", peer,
                                    "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster]))
        for port in self.etcd:
            wait_until("etcd answers", lambda: answers(port))
        return "etcd"

    def leader(self):
        """The number of the member of etcd that leads."""
        endpoints = ",".join(f"http://127.0.0.1:{port}" for port in self.etcd)
        text = subprocess.run(["etcdctl", "--endpoints", endpoints, "endpoint", "status", "--write-out", "json"], check=True,
                              capture_output=True, text=True, env={**os.environ, "ETCDCTL_API": "3"}).stdout
        return next(n for n, one in enumerate(json.loads(text))
                    if one["Status"]["leader"] == one["Status"]["header"]["member_id"])

    def start_worker(self, name):
        self.workers[name] = self.spawn(name, [
            self.options.worker, "--driver", "dummy", "--server", f"127.0.0.1:{self.gearman}", "--function", name,
            "--state-dir", f"{self.folder}/state-{name}", "--config-file", self.worker_configuration(), "--concurrency", "1",
            "--reconnect-sleep", "0.2", "--log-level", "error"])

    def worker_configuration(self):
        return self.file("worker.conf", "[api]\nsocket = none\n")

    def start_server(self):
        self.server, self.port = self.spawn_server("server")
        self.token = Client(self.port, None).log_in()

    def spawn_server(self, name):
        port = free_port()
        server = self.spawn(name, [self.options.server, "--config-file", self.configuration, "--listen", f"127.0.0.1:{port}",
                                   "--log-format", "json"])
        wait_until("the server answers", lambda: server.poll() is not None or answers(port))
        return server, port

    def client(self):
        return Client(self.port, self.token)

    def create(self, count, clients):
        """So many load balancers by so many clients at a time; answers their ids."""
        made = []
        lock = threading.Lock()

        def work(share):
            client = self.client()
            for number in range(share):
                made_id = client.create(f"lb-{threading.get_ident()}-{number}")
                with lock:
                    made.append(made_id)

        threads = [threading.Thread(target=work, args=(count // clients + (n < count % clients),)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return made

    def cpu(self, process):
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        return memory_of(self.server)

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM if process is self.server else signal.SIGKILL)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Client:
    """One kept connection to a server."""

    def __init__(self, port, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.token = token

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise SystemExit(f"bench_fleet: {method} {path}: {response.status} {text[:500]}")
        return response, json.loads(text) if text else None

    def log_in(self):
        user = {"name": "bench", "domain": {"id": "default"}, "password": "correct horse"}
        response, _ = self.ask("POST", "/v3/auth/tokens", {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
        return response.headers["X-Subject-Token"]

    def create(self, name, members=2):
        """A load balancer with a listener, a pool and members, by one request; answers its id."""
        pool = {"name": "pool", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": [
            {"address": f"10.200.0.{n + 1}", "protocol_port": 80} for n in range(members)]}
        listener = {"name": "listener", "protocol": "TCP", "protocol_port": 80, "default_pool": pool}
        body = {"loadbalancer": {"name": name, "listeners": [listener]}}
        return self.ask("POST", "/v2/lbaas/loadbalancers", body)[1]["loadbalancer"]["id"]

    def status(self, id):
        return self.ask("GET", f"/v2/lbaas/loadbalancers/{id}?fields=provisioning_status")[1]["loadbalancer"]["provisioning_status"]

    def wait(self, id):
        while self.status(id) != "ACTIVE":
            time.sleep(0.001)


def measure_latency(options, store):
    fleet = Fleet(options, store, 1, 1)
    try:
        client = fleet.client()
        times = []
        for number in range(30 if options.quick else 200):
            start = time.monotonic()
            client.wait(client.create(f"lb{number}"))
            times.append((time.monotonic() - start) * 1000)
        times = sorted(times[5:])
        return statistics.median(times), times[int(len(times) * 0.95)]
    finally:
        fleet.end()


def measure_rate(options, store):
    count, clients = (200, 32) if options.quick else (1000, 32)
    fleet = Fleet(options, store, 10, 2)
    try:
        start = time.monotonic()
        made = fleet.create(count, clients)
        created = time.monotonic() - start
        client = fleet.client()
        for made_id in made:
            client.wait(made_id)
        return len(made) / created, len(made) / (time.monotonic() - start), fleet.memory()
    finally:
        fleet.end()


def measure_sharing(options, store):
    """How long it takes until a change that one server has answered is seen at another, in ms: the median and the longest."""
    fleet = Fleet(options, store, 1, 1)
    try:
        first, second = fleet.client(), Client(fleet.spawn_server("second")[1], fleet.token)
        id = first.create("shared")
        first.wait(id)
        wait_until("the other server has it", lambda: second.ask("GET", "/v2/lbaas/loadbalancers?name=shared")[1]["loadbalancers"])
        times = []
        for number in range(20 if options.quick else 200):
            first.ask("PUT", f"/v2/lbaas/loadbalancers/{id}", {"loadbalancer": {"name": f"shared-{number}"}})
            start = time.monotonic()
            while second.ask("GET", f"/v2/lbaas/loadbalancers/{id}?fields=name")[1]["loadbalancer"]["name"] != f"shared-{number}":
                pass
            times.append((time.monotonic() - start) * 1000)
        return statistics.median(times), max(times)
    finally:
        fleet.end()


def measure_idle(options, store):
    count, workers, seconds = (1000, 20, 20) if options.quick else (10_000, 100, 60)
    fleet = Fleet(options, store, workers, 1)
    try:
        made = fleet.create(count, 8)
        client = fleet.client()
        for made_id in made[-200:]:
            client.wait(made_id)
        time.sleep(15)
        start, cpu = time.monotonic(), fleet.cpu(fleet.server)
        time.sleep(seconds)
        share = (fleet.cpu(fleet.server) - cpu) / (time.monotonic() - start)
        # The server closes a connection that is idle for long.
        client = fleet.client()
        # That a worker answers is written together with what it has settled.
        name = "w0"
        fleet.workers[name].send_signal(signal.SIGKILL)
        fleet.workers[name].wait()

        def host():
            hosts = client.ask("GET", "/v1/hosts")[1]["hosts"]
            return next(host for host in hosts if host["id"] == name)

        wait_until("the worker is away", lambda: host()["state"] == "AWAY")
        fleet.start_worker(name)
        start = wait_until("the worker is connected", lambda: connected(fleet.gearman, name) and time.monotonic())
        wait_until("the worker is there", lambda: host()["state"] == "UP")
        return share * 100, time.monotonic() - start, fleet.memory(), len(made), workers
    finally:
        fleet.end()


def measure_faults(options):
    """Eight clients create load balancers while the leader and another member of five are killed. Answers for how long requests failed, the
    longest request, how many were answered, and how many of those are lost."""
    fleet = Fleet(options, "etcd", 2, 2, members=5)
    seconds = 6 if options.quick else 20
    answers_, lock = [], threading.Lock()
    try:
        end = time.monotonic() + seconds

        def work(number):
            count = 0
            client = fleet.client()
            while time.monotonic() < end:
                count += 1
                name, start = f"c{number}-{count}", time.monotonic()
                try:
                    client.create(name, members=1)
                    is_done = True
                except (SystemExit, OSError, http.client.HTTPException):
                    is_done = False
                    client = fleet.client()
                with lock:
                    answers_.append((start, time.monotonic(), is_done, name))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 3)
        leader = fleet.leader()
        for member in (leader, (leader + 1) % 5):
            fleet.etcds[member].send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
        listed = {one["name"] for one in fleet.client().ask("GET", "/v2/lbaas/loadbalancers?fields=name")[1]["loadbalancers"]}
        done = [answer for answer in answers_ if answer[2]]
        failed = 0
        for start, stop, is_done, _ in answers_:
            if not is_done:
                failed = max(failed, min((other[1] for other in done if other[1] > stop), default=end) - start)
        return failed, max(stop - start for start, stop, _, _ in answers_), len(done), sum(name not in listed for _, _, _, name in done)
    finally:
        fleet.end()


def measure_peer(options):
    """The same creations at the real octavia-api and here, by one client each, in turns. Answers both rates and both memories in MB."""
    count, rounds = (20, 1) if options.quick else (50, 5)
    fleet = Fleet(options, "sqlite", 2, 2)
    port = free_port()
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../Tests/OpenStack/octavia_peer.py")
    folder = os.path.join(fleet.folder, "octavia")
    os.mkdir(folder)
    peer = fleet.spawn("octavia", [options.peer, "-B", program, str(port), folder])
    try:
        wait_until("octavia-api answers", lambda: peer.poll() is None and answers(port), 120)
        subnet, project = "00000000-0000-4000-8000-000000000001", "5f00000000000000000000000000cafe"
        subnets = fleet.client().ask("GET", "/v2.0/subnets")[1]["subnets"]

        def rate(make, subnet, extra):
            start = time.monotonic()
            for number in range(count):
                client = make()
                body = {"name": f"lb{number}", "vip_subnet_id": subnet, **extra}
                client.ask("POST", "/v2/lbaas/loadbalancers", {"loadbalancer": body})
                client.connection.close()
            return count / (time.monotonic() - start)

        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(rate(lambda: Client(port, None), subnet, {"project_id": project}))
            ours.append(rate(fleet.client, subnets[0]["id"], {}))
        return statistics.median(ours), statistics.median(theirs), [
            (memory_of(process, "RssAnon"), memory_of(process)) for process in (fleet.server, peer)]
    finally:
        fleet.end()


def memory_of(process, name="VmRSS"):
    """The resident memory of a process in MB; by RssAnon without the pages of files, which processes share."""
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(name))


def connected(port, name):
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(b"status\n")
        text = b""
        while not text.endswith(b".\n"):
            text += connection.recv(65536)
    return any(line.split("\t")[0] == name and line.split("\t")[3] != "0" for line in text.decode().split("\n") if line.count("\t") == 3)


def heading():
    """What is above the rows: when and where they were measured."""

    def output(*words):
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()

    with open("/proc/cpuinfo") as file:
        processor = next((line.split(": ")[1].strip() for line in file if line.startswith("model name")), "unknown")
    commit = output("git", "rev-parse", "--short", "HEAD") + (" with changes" if output("git", "status", "--porcelain", "--untracked-files=no") else "")
    return [
        "# A fleet", "", "Made by `scripts/bench fleet`; what is measured, and how, is in [README.md](README.md).", "",
        f"- date: {time.strftime('%Y-%m-%d')}, commit: {commit}", f"- processor: {processor}, {os.cpu_count()} cores; load average at the end "
        f"{os.getloadavg()[0]:.2f}", f"- kernel: {os.uname().sysname} {os.uname().release}", f"- {output('swift', '--version').splitlines()[0]}", "",
        "| what | measured | target | result |", "| --- | ---: | ---: | --- |",
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--case", action="append", choices=["latency", "rate", "sharing", "idle", "faults", "peer"])
    parser.add_argument("--store", action="append", choices=["sqlite", "etcd"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peer")
    parser.add_argument("--output")
    options = parser.parse_args()
    rows = []

    def row(what, value, target, is_met):
        rows.append(f"| {what} | {value} | {target} | {'met' if is_met else 'not met'} |")
        print(rows[-1], flush=True)

    stores = options.store or ["sqlite", "etcd"]
    names = {"sqlite": "SQLite", "etcd": "etcd, 3 members"}
    cases = options.case or ["latency", "rate", "sharing", "idle", "faults", "peer"]
    for store in stores:
        if "latency" in cases:
            median, high = measure_latency(options, store)
            limit = 30 if store == "sqlite" else 60
            row(f"create to ACTIVE, {names[store]}, median (95 %), ms", f"{median:.1f} ({high:.1f})", f"≤ {limit}", median <= limit)
        if "rate" in cases:
            created, settled, memory = measure_rate(options, store)
            row(f"load balancers created by 32 clients, {names[store]}, a second", f"{created:.0f}", "≥ 200", created >= 200)
            row(f"the same, until all are ACTIVE, a second", f"{settled:.0f}", "–", True)
            row(f"memory of the server then, MB", f"{memory:.0f}", "–", True)
        if "sharing" in cases:
            median, longest = measure_sharing(options, store)
            row(f"a change at one server seen at another, {names[store]}, median (longest), ms", f"{median:.1f} ({longest:.1f})", "≤ 200",
                longest <= 200)
    if "idle" in cases:
        share, back, memory, count, workers = measure_idle(options, stores[0])
        row(f"CPU of the server, {count} load balancers on {workers} workers, % of a core", f"{share:.1f}", "< 10", share < 10)
        row("a worker's return, until it is settled, s", f"{back:.2f}", "≤ 2", back <= 2)
        row("memory of the server, MB", f"{memory:.0f}", "–", True)
    if "faults" in cases:
        failed, longest, done, lost = measure_faults(options)
        row(f"2 of 5 members of etcd killed, the leader among them: for how long requests failed, s", f"{failed:.2f}", "≤ 2.5", failed <= 2.5)
        row("the longest request then, s", f"{longest:.2f}", "–", True)
        row(f"answered creations that are lost, of {done}", f"{lost}", "0", lost == 0)
    if "peer" in cases and options.peer:
        ours, theirs, ((own, all_memory), (peer_own, peer_all)) = measure_peer(options)
        row("load balancers created by one client, a second; octavia-api: " + f"{theirs:.1f}", f"{ours:.0f}", "≥ 10 times", ours >= 10 * theirs)
        row(f"memory without the pages of files, MB; octavia-api: {peer_own:.0f}", f"{own:.1f}", "< a tenth", own < peer_own / 10)
        row(f"all resident memory, MB; octavia-api: {peer_all:.0f}", f"{all_memory:.0f}", "–", True)
    if options.output:
        with open(options.output, "w") as file:
            file.write("\n".join(heading() + rows) + "\n")


if __name__ == "__main__":
    main()
