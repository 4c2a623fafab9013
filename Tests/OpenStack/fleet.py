"""A fleet of a test: gearmand, two workers with the dummy driver, and a server, on free ports, in a folder of its own."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request

PASSWORD = "correct horse"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Fleet:
    """Runs while it is used in a `with`. Nothing of it is left then."""

    def __init__(self, addresses="10.20.0.0/16"):
        self.addresses = addresses
        self.processes = []

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lbaas-openstack.")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run(self, name, *arguments):
        with open(self.path(name + ".log"), "wb") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def start(self):
        jobs = free_port()
        server, worker = os.environ["LBAAS_SERVER"], os.environ["LBAAS_WORKER"]
        self.run("gearmand", "gearmand", "-L", "127.0.0.1", "-p", str(jobs), "-l", "none")
        for name in ("lb1", "lb2"):
            self.run(name, worker, "--driver", "dummy", "--server", f"127.0.0.1:{jobs}", "--function", name, "--state-dir", "none")
        # The virtual IPs are for an interface that is not there, so that nothing of this host changes.
        with open(self.path("server.conf"), "w", encoding="utf-8") as file:
            file.write(
                f"[server]\nlisten = 127.0.0.1:{self.port}\nstore = sqlite:{self.path('store')}\n"
                f"[auth]\nhash_ops = 1\nhash_memory = 1\n[gearman]\nservers = 127.0.0.1:{jobs}\n"
                f"[group:blue]\nworkers = lb1, lb2\naddresses = {self.addresses}\ninterface = absent0\n"
            )
        with open(self.path("password"), "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        for user, role, project in (("admin", "admin", "default"), ("ann", "operator", "shop"), ("eve", "viewer", "shop")):
            words = ["user", "add", user, "--role", role, "--project", project, "--password-file", self.path("password")]
            subprocess.run([server, "--config-file", self.path("server.conf")] + words, check=True, stdout=subprocess.DEVNULL)
        main = self.run("server", server, "--config-file", self.path("server.conf"))
        self.wait("the server", lambda: "started" in self.log("server") or main.poll() is not None)
        if main.poll() is not None:
            raise SystemExit("the server ended: " + self.log("server"))
        self.wait("the workers", lambda: self.log("server").count("a worker is there") == 2)

    @staticmethod
    def wait(what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"{what} did not come in {seconds} s")
            time.sleep(0.02)

    def environment(self, user="admin", project="default"):
        """The environment of OpenStack's clients."""
        return {
            "OS_AUTH_URL": self.url + "/v3", "OS_USERNAME": user, "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": project,
            "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
        }

    def token(self, user="admin"):
        """A token, for clients that send their own requests."""
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"id": "default"}, "password": PASSWORD}}}
        request = urllib.request.Request(
            self.url + "/v3/auth/tokens", json.dumps({"auth": {"identity": identity}}).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.headers["X-Subject-Token"]
