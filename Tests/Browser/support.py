"""A worker with the dummy driver, and a Chromium that looks at its dashboard."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

# The elements whose own text has less than 4.5 to 1 against what is behind it (WCAG 2, 1.4.3).
CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
  const [red, green, blue] = numbers(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (it) => {
  for (let at = it; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if ((numbers(colour)[3] ?? 1) === 1) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll("body *")]
  .filter((it) => it.checkVisibility() && [...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
  .map((it) => {
    const [light, dark] = [luminance(getComputedStyle(it).color), luminance(behind(it))].sort((left, right) => right - left);
    return [it.textContent.slice(0, 40), it.className, ((light + 0.05) / (dark + 0.05)).toFixed(2)];
  })
  .filter(([, , ratio]) => ratio < 4.5);
"""

TOKENS = {"look": "viewer", "work": "operator"}


def wait_for(what, condition, seconds=120):
    """Waits until a condition holds, and answers what it says."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds} s there was not: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NodeServer:
    """A server that takes connections, for the checks of a node."""

    def __init__(self, port=0):
        self.socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class Link:
    """A pair of Ethernet interfaces, of which the worker has the first, in the network namespace of the tests."""

    worker, peer = "vip0", "vip1"

    def __init__(self):
        self.run("add", self.worker, "type", "veth", "peer", "name", self.peer)
        self.run("set", self.worker, "up")
        self.set_carrier(True)

    def run(self, *arguments):
        subprocess.run(["ip", "link", *arguments], check=True, timeout=20)

    def set_carrier(self, on):
        self.run("set", self.peer, "up" if on else "down")

    def close(self):
        self.run("delete", self.worker)


class Worker:
    """A running worker with a folder of its own. It checks nodes itself, and has no job server."""

    def __init__(self, configuration=""):
        self.folder = tempfile.mkdtemp(prefix="lbaas-browser-")
        self.port = free_port()
        self.process = None
        with open(self.path("tokens"), "w") as file:
            for token, role in TOKENS.items():
                file.write(f"{role}-name {role} {hashlib.sha256(token.encode()).hexdigest()}\n")
        with open(self.path("worker.conf"), "w") as file:
            file.write(
                f"[gearman]\nservers =\n[api]\nsocket = {self.path('api.sock')}\nlisten = 127.0.0.1:{self.port}\n"
                f"tokens = {self.path('tokens')}\n[worker:dummy]\nchecks = yes\nbytes_per_report = 5000000\n{configuration}"
            )
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        log = open(self.path("log"), "a")
        arguments = ["--config-file", self.path("worker.conf"), "--driver", "dummy", "--function", "lb1", "--state-dir", self.path("state")]
        self.process = subprocess.Popen([os.environ["LBAAS_WORKER"], *arguments], stdout=log, stderr=log)
        log.close()
        wait_for("a worker that answers", self.is_up)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("the worker has ended: " + open(self.path("log")).read()[-2000:])
        with contextlib.suppress(OSError):
            return self.ask("GET", "/healthz")[0] == 200

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, path, body=None, token="work"):
        """Sends a request; answers the status and the text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        fields = {"Authorization": f"Bearer {token}"}
        if body is not None:
            fields["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), fields)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def submit(self, action, *load_balancers):
        """Submits a job, which must pass."""
        status, text = self.ask("POST", "/v1/jobs", {"hpcs_action": action, "loadBalancers": list(load_balancers)})
        assert status == 200 and '"hpcs_response": "PASS"' in text, text[-500:]

    def clear(self):
        """Removes all load balancers."""
        self.submit("UPDATE")


def load_balancer(name, *ports, listen=80, condition="ENABLED"):
    """A load balancer with a checked node at each of these ports of this host."""
    nodes = [{"id": f"n{place}", "address": "127.0.0.1", "port": port, "condition": condition} for place, port in enumerate(ports)]
    monitor = {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}
    return {"id": name, "protocol": "TCP", "port": listen, "monitor": monitor, "nodes": nodes}


class Page:
    """The dashboard in a Chromium."""

    def __init__(self, worker):
        self.worker = worker
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        # As root and in a container there is no sandbox. The size is that of a small desktop.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1360,820"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Named, or else selenium looks for another one on the network.
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(30)
        # What the browser said that nobody asked for yet.
        self.said = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.worker.port}/"

    def close(self):
        self.driver.quit()

    def load(self, url=None):
        """Opens a page, by default its own. Chromium gives up what it loads while an address of this host comes or goes: then it is opened again."""
        for _ in range(20):
            failure = ""
            try:
                self.driver.get(url or self.url)
            except WebDriverException as error:
                failure = error.msg or ""
                if "ERR_NETWORK_CHANGED" not in failure:
                    raise
            said = self.driver.get_log("browser")
            if "ERR_NETWORK_CHANGED" not in failure + "".join(entry["message"] for entry in said):
                self.said += said
                return
        raise AssertionError(f"the network changed each time that {url or self.url} was loaded")

    def reset(self):
        """Leaves the page, with nobody signed in and one tab."""
        for handle in self.driver.window_handles[1:]:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])
        self.load(self.url + "healthz")
        self.run("sessionStorage.clear()")
        self.driver.get("about:blank")
        self.emulate()
        self.log()

    def enter(self, token="work"):
        """Opens the page and signs in."""
        self.load()
        self.wait("the login", "!document.querySelector('#login').hidden")
        self.find("#token").send_keys(token)
        self.find("#login button").click()
        self.wait("the page is live", "document.querySelector('#connection').textContent === 'live'")
        self.wait("the list is read", "document.querySelector('#matches').textContent !== ''")

    def new_tab(self):
        self.driver.switch_to.new_window("tab")
        self.load()

    def find(self, selector):
        """The first element of a selector, which is waited for: a dialog may ask the server before it is shown."""
        return wait_for(selector, lambda: self.driver.find_elements(By.CSS_SELECTOR, selector))[0]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        """What an element says, as a screen reader has it; empty where there is none."""
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def rows(self):
        """The rows that are drawn, each as a dictionary of its cells."""
        return self.run(
            "return [...document.querySelectorAll('#list tbody tr[role=row]')].filter((row) => !row.hidden)"
            ".map((row) => Object.fromEntries([...row.cells].map((cell) => [cell.className, cell.textContent.trim()])))"
        )

    def row(self, name):
        """The cells of a load balancer; None where it is not drawn."""
        return next((row for row in self.rows() if row["id"] == name), None)

    def open(self, name):
        """Opens a load balancer by a click on its row."""
        wait_for(f"the row of {name}", lambda: self.row(name))
        self.run(
            "[...document.querySelectorAll('#list tbody tr[role=row]')].find((row) => row.cells[1].textContent === arguments[0]).click()", name
        )
        self.wait("it is open", "!document.querySelector('#detail').hidden")

    def wait(self, what, script, seconds=20):
        wait_for(what, lambda: self.run("return " + script), seconds)

    def emulate(self, width=None, scheme=""):
        """Shows the page at a width in pixels, and in a colour scheme."""
        if width:
            metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        else:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)

    def faint(self):
        """The elements whose text is not to be told from what is behind it, with their contrast."""
        return self.run(CONTRAST)

    def nameless(self):
        """The roles of what can be used and has no name for a screen reader."""
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = {"button", "textbox", "searchbox", "combobox", "checkbox", "grid", "table", "link", "region", "log", "dialog"}
        found = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")]
        return [role for role, name in found if role in roles and not name]

    def log(self):
        """What the browser has complained of since the last call, but for answers that are no success."""
        said, self.said = self.said + self.driver.get_log("browser"), []
        entries = [entry["message"] for entry in said if entry["level"] in ("SEVERE", "WARNING")]
        return [entry for entry in entries if "Failed to load resource" not in entry]

    def screenshot(self, name):
        """Keeps a picture where LBAAS_SCREENSHOTS names a folder."""
        if folder := os.environ.get("LBAAS_SCREENSHOTS"):
            self.driver.save_screenshot(os.path.join(folder, name + ".png"))


class DashboardCase(unittest.TestCase):
    """Shares a worker and a browser among the tests of a class. Nothing in them may break the rules of the page."""

    # What the worker has in its configuration besides.
    configuration = ""

    @classmethod
    def setUpClass(cls):
        cls.worker = Worker(cls.configuration)
        cls.addClassCleanup(cls.worker.close)
        cls.page = Page(cls.worker)
        cls.addClassCleanup(cls.page.close)

    def setUp(self):
        self.worker.clear()
        self.page.reset()

    def tearDown(self):
        self.assertEqual(self.page.log(), [])

    def node(self, port=0):
        """A server for the checks of a node."""
        server = NodeServer(port)
        self.addCleanup(server.close)
        return server

    def press(self, *keys):
        ActionChains(self.page.driver).send_keys(*keys).perform()

    def focus(self):
        """What has the focus: its id, or else its name."""
        return self.page.run("const it = document.activeElement; return it.id || it.getAttribute('aria-label') || it.textContent")
