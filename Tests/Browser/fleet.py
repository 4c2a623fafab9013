"""A server of a fleet with a worker that drives the dummy appliance, and a Chromium that uses its web front."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support import Page, free_port, wait_for

PASSWORD = "correct horse"
USERS = {"root": ("admin", "default"), "ann": ("operator", "shop"), "vic": ("viewer", "shop")}


class Fleet:
    """A job server, a worker that carries the load balancers, and a server with a store in memory or in SQLite. All have a folder of their own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lbaas-fleet-")
        self.port, self.gearman = free_port(), free_port()
        self.processes = {}
        with open(self.path("server.conf"), "w") as file:
            file.write(
                f"[server]\nlisten = 127.0.0.1:{self.port}\nstore = sqlite:{self.path('store')}\n[auth]\nhash_ops = 1\nhash_memory = 1\n"
                f"[gearman]\nservers = 127.0.0.1:{self.gearman}\n"
                "[group:web]\nworkers = lb1\naddresses = 127.20.0.0/24\ninterface = none\n"
            )
        try:
            for name, (role, project) in USERS.items():
                subprocess.run(
                    [os.environ["LBAAS_FLEET_SERVER"], "--config-file", self.path("server.conf"), "user", "add", name, "--role", role, "--project", project],
                    input=PASSWORD + "\n", text=True, check=True, timeout=30, capture_output=True,
                )
            self.run("gearmand", "/usr/sbin/gearmand", "-p", str(self.gearman), "-L", "127.0.0.1", "--log-file", "stderr")
            self.start_worker()
            self.start_server()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, name, *words):
        with open(self.path(name + ".log"), "a") as log:
            self.processes[name] = subprocess.Popen(words, stdout=log, stderr=log)

    def start_worker(self):
        with open(self.path("worker.conf"), "w") as file:
            file.write(f"[api]\nsocket = {self.path('api.sock')}\n[worker:dummy]\nbytes_per_report = 5000000\nlacks = UDP\n")
        self.run(
            "worker", os.environ["LBAAS_WORKER"], "--config-file", self.path("worker.conf"), "--driver", "dummy", "--function", "lb1",
            "--state-dir", self.path("state"), "--server", f"127.0.0.1:{self.gearman}",
        )

    def start_server(self):
        self.run("server", os.environ["LBAAS_FLEET_SERVER"], "--config-file", self.path("server.conf"))
        wait_for("a server that answers", self.is_up)

    def is_up(self):
        if self.processes["server"].poll() is not None:
            raise AssertionError("the server has ended: " + open(self.path("server.log")).read()[-2000:])
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).status == 200

    def stop(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    def close(self):
        for name in ("server", "worker", "gearmand"):
            if name in self.processes:
                self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def token(self, user="root"):
        return self.ask("POST", "/v1/session", {"name": user, "password": PASSWORD, "cookie": False}, token=None)[1]["token"]

    def ask(self, method, path, body=None, token=""):
        """Sends a request; answers the status and the JSON of the answer."""
        fields = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            fields["X-Auth-Token"] = token or self.token()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read()
                return response.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def clear(self):
        """Deletes all load balancers."""
        token = self.token()
        wait_for("no load balancer", lambda: self.delete_all(token) == 0)

    def delete_all(self, token):
        found = self.ask("GET", "/v2/lbaas/loadbalancers", token=token)[1]["loadbalancers"]
        for item in found:
            self.ask("DELETE", f"/v2/lbaas/loadbalancers/{item['id']}?cascade=true", token=token)
        return len(found)

    def create(self, name, user="ann", port=80, members=("10.0.0.1",), kind="TCP", status="ACTIVE"):
        """Makes a load balancer with a listener and members, and waits until the worker has settled it; answers its id."""
        pool = {"name": "pool", "protocol": kind, "lb_algorithm": "ROUND_ROBIN", "members": [{"address": address, "protocol_port": 80} for address in members]}
        body = {"name": name, "listeners": [{"name": "l", "protocol": kind, "protocol_port": port, "default_pool": pool}]}
        token = self.token(user)
        code, made = self.ask("POST", "/v2/lbaas/loadbalancers", {"loadbalancer": body}, token)
        assert code == 201, made
        identity = made["loadbalancer"]["id"]
        wait_for(f"{name} at the worker", lambda: self.find(identity, token)["provisioning_status"] == status)
        return identity

    def find(self, identity, token=""):
        return self.ask("GET", f"/v2/lbaas/loadbalancers/{identity}", token=token)[1]["loadbalancer"]


class FleetPage(Page):
    """The web front in a Chromium."""

    def reset(self):
        self.driver.delete_all_cookies()
        super().reset()
        self.driver.delete_all_cookies()

    def enter(self, user="ann", password=PASSWORD):
        """Opens the page and signs in."""
        self.load()
        self.wait("the login", "!document.querySelector('#login').hidden")
        self.sign_in(user, password)
        self.wait("the page is live", "document.querySelector('#connection').textContent === 'live'")

    def sign_in(self, user, password=PASSWORD):
        self.fill({"#login-name": user, "#login-password": password})
        self.find("#login button").click()

    def fill(self, values):
        """Types values into fields, in place of what is there."""
        for selector, value in values.items():
            field = self.find(selector)
            if field.tag_name == "select":
                self.run("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))", field, value)
                continue
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(Keys.DELETE)
            field.send_keys(value)

    def fill_in(self, **values):
        """Types values into the fields of the dialog by their names, and sends it."""
        self.fill({f"#dialog [name='{name.replace('__', '.')}']": value for name, value in values.items()})
        self.find("#dialog button[type=submit]").click()

    def click(self, text, within="body"):
        """Clicks on the button or link that says this, or this about something."""
        script = """
        const found = [...document.querySelectorAll(arguments[1] + " :is(button, a)")].filter((it) => it.offsetParent !== null);
        const it = found.find((it) => it.textContent.trim() === arguments[0]) ?? found.find((it) => it.textContent.trim().startsWith(arguments[0]));
        it?.click();
        return Boolean(it);
        """
        wait_for(f"'{text}' to click on", lambda: self.run(script, text, within))

    def closed(self):
        """Waits until the dialog is closed, which is when the server has taken what it says."""
        try:
            self.wait("the dialog is closed", "!document.querySelector('#dialog').open", 60)
        except AssertionError as error:
            raise AssertionError(f"the dialog says: {self.text('#dialog')}") from error

    def fault(self, name):
        """What is said at a field of the dialog."""
        return self.run("return document.querySelector(`[name='${arguments[0]}']`).closest('.field').querySelector('.fault').textContent", name)

    def table(self, caption):
        """The rows of a table, each as a list of what its cells say."""
        return self.run(
            "const it = [...document.querySelectorAll('table')].find((it) => it.caption.textContent === arguments[0]);"
            "return it ? [...it.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())) : []", caption,
        )

    def wait_row(self, caption, *cells):
        """Waits for a row that has these cells, in this order, among others."""
        def is_there():
            for row in self.table(caption):
                places = iter(row)
                if all(any(cell in place for place in places) for cell in cells):
                    return row
        return wait_for(f"a row {cells} of {caption}", is_there)


class FleetCase(unittest.TestCase):
    """Shares a fleet and a browser among the tests of a class. Nothing in them may break the rules of the page."""

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.close)
        cls.page = FleetPage(cls.fleet)
        cls.addClassCleanup(cls.page.close)

    def setUp(self):
        self.page.reset()

    def tearDown(self):
        self.assertEqual(self.page.log(), [])

    def press(self, *keys):
        ActionChains(self.page.driver).send_keys(*keys).perform()

    def focus(self):
        """What has the focus: its name in a form, or else its id or text."""
        return self.page.run("const it = document.activeElement; return it.name || it.id || it.textContent")
