"""Load balancers in the web front of a fleet, with a worker that carries them."""

import re

from selenium.webdriver.common.keys import Keys

from fleet import FleetCase
from support import wait_for


class BalancerCase(FleetCase):
    def setUp(self):
        super().setUp()
        self.fleet.clear()

    def open(self, name):
        """Opens the page of a load balancer by its link."""
        self.page.wait_row("Load balancers", name)
        self.page.click(name, "#view")
        self.page.wait("its page", f"document.querySelector('#view h2').textContent === {name!r}")

    def settled(self):
        """Waits until no change is under way."""
        self.page.wait("it is settled", "document.querySelector('#view dd .state')?.textContent === 'active'")


class Life(BalancerCase):
    def test_a_load_balancer_is_made_by_a_form_and_used_and_deleted(self):
        page = self.page
        page.enter()
        page.wait("an empty list", "document.querySelector('#view').textContent.includes('There are no load balancers yet.')")
        page.click("Create load balancer")
        page.wait("the dialog", "document.querySelector('#dialog').open")
        page.screenshot("fleet-create")
        page.fill_in(name="shop", listener__protocol_port="8080", member__address="10.0.0.1", member__protocol_port="80", monitor__type="TCP")
        page.closed()
        page.wait("its page", "document.querySelector('#view h2').textContent === 'shop'")
        self.settled()
        page.wait_row("Members", "10.0.0.1:80", "1", "active")
        page.wait("the check", "document.querySelector('#view').textContent.includes('TCP, every 5 s')")
        page.screenshot("fleet-balancer")

        page.click("Add member")
        page.fill_in(address="2001:db8::1", protocol_port="81", weight="5")
        page.closed()
        page.wait_row("Members", "[2001:db8::1]:81", "5", "active")
        page.click("Drain 10.0.0.1:80")
        page.wait_row("Members", "10.0.0.1:80", "0", "active", "draining")
        page.click("Undrain 10.0.0.1:80")
        page.wait_row("Members", "10.0.0.1:80", "1", "active")
        page.click("Change 10.0.0.1:80")
        page.fill_in(weight="7", name="first")
        page.closed()
        page.wait_row("Members", "first", "10.0.0.1:80", "7", "active")
        page.click("Remove [2001:db8::1]:81")
        page.click("Remove", "#dialog")
        page.closed()
        wait_for("one member is left", lambda: len(page.table("Members")) == 1)

        page.click("Add listener")
        page.fill_in(protocol="TCP", protocol_port="9000")
        page.closed()
        page.wait("its part", "document.querySelector('section[aria-label=\"Listener TCP 9000\"] table, section[aria-label=\"Listener TCP 9000\"] .empty')")
        self.settled()
        page.click("Suspend")
        page.click("Suspend", "#dialog")
        page.closed()
        page.wait("it is suspended", "document.querySelector('#view dl').textContent.includes('suspended')")
        self.settled()
        page.click("Enable")
        page.wait("it serves", "!document.querySelector('#view dl').textContent.includes('suspended')")
        self.settled()
        page.click("Delete", "section[aria-label=Summary]")
        page.click("Delete", "#dialog")
        page.closed()
        page.wait("the list", "location.hash === '#/load-balancers'")
        page.wait("an empty list", "document.querySelector('#view').textContent.includes('There are no load balancers yet.')")

    def test_what_is_wrong_is_said_at_the_field(self):
        page = self.page
        self.fleet.create("shop", port=80)
        page.enter()
        self.open("shop")
        page.click("Add listener")
        page.fill_in(protocol_port="70000")
        self.assertEqual(page.fault("protocol_port"), "70000 is not a whole number from 1 to 65535.")
        page.fill_in(protocol="TCP", protocol_port="80")
        page.wait("a refusal", "document.querySelector('#dialog [name=protocol_port]').getAttribute('aria-invalid') === 'true'")
        self.assertIn("already using", page.fault("protocol_port"))
        self.press(Keys.ESCAPE)
        page.closed()
        page.click("Add member")
        page.fill_in(address="not an address", protocol_port="80")
        page.wait("a refusal", "document.querySelector('#dialog [name=address]').getAttribute('aria-invalid') === 'true'")
        self.assertIn("not an address", page.fault("address"))
        self.press(Keys.ESCAPE)
        page.closed()
        page.click("← All load balancers")
        page.click("Create load balancer")
        page.fill_in(vip_address="192.0.2.1")
        page.wait("a refusal", "document.querySelector('#dialog [name=vip_address]').getAttribute('aria-invalid') === 'true'")
        self.assertIn("192.0.2.1", page.fault("vip_address"))

    def test_a_change_of_somebody_else_is_shown_without_a_reload(self):
        page = self.page
        page.enter()
        page.wait("an empty list", "document.querySelector('#view').textContent.includes('There are no load balancers yet.')")
        identity = self.fleet.create("made elsewhere")
        page.wait_row("Load balancers", "made elsewhere", "127.20.0.", "active")
        self.fleet.ask("PUT", f"/v2/lbaas/loadbalancers/{identity}", {"loadbalancer": {"name": "renamed"}})
        page.wait_row("Load balancers", "renamed", "active")
        self.open("renamed")
        pool = self.fleet.find(identity)["pools"][0]["id"]
        self.fleet.ask("POST", f"/v2/lbaas/pools/{pool}/members", {"member": {"address": "10.9.9.9", "protocol_port": 99}})
        page.wait_row("Members", "10.9.9.9:99", "active")
        page.click("Events", "#navigation")
        page.wait("the events", "document.querySelector('#view').textContent.includes('loadbalancer renamed updated')")
        page.screenshot("fleet-events")
        page.click("Load balancers", "#navigation")
        self.fleet.ask("DELETE", f"/v2/lbaas/loadbalancers/{identity}?cascade=true")
        page.wait("an empty list", "document.querySelector('#view').textContent.includes('There are no load balancers yet.')")

    def test_traffic_is_drawn_as_a_curve(self):
        page = self.page
        self.fleet.create("shop")
        page.enter()
        page.wait("a curve", "(document.querySelector('#view polyline')?.getAttribute('points') ?? '').includes(' ')", 60)
        page.screenshot("fleet-list")


class Seeing(BalancerCase):
    names = {
        "<img src=x onerror=document.title='pwned'>": "<img src=x onerror=document.title='pwned'>",
        "\u202egnp.exe": "‹202E›gnp.exe",
        "עברית/../?#%2F": "עברית/../?#%2F",
        "\"'><svg onload=document.title='pwned'>": "\"'><svg onload=document.title='pwned'>",
    }

    def test_names_of_any_characters_are_text(self):
        page = self.page
        for place, name in enumerate(self.names):
            self.fleet.create(name, port=100 + place)
        page.enter()
        for shown in self.names.values():
            with self.subTest(shown=shown):
                page.wait_row("Load balancers", shown)
        page.click("‹202E›gnp.exe")
        page.wait("its page", "document.querySelector('#view h2').textContent === '‹202E›gnp.exe'")
        page.wait("its title", "document.title.startsWith('‹202E›gnp.exe')")
        self.assertEqual(page.run("return getComputedStyle(document.querySelector('h2 bdi')).unicodeBidi"), "isolate")
        self.assertEqual(page.run("return document.querySelectorAll('main img, main script, main svg[onload]').length"), 0)

    def test_a_viewer_is_offered_no_change_and_a_project_sees_its_own(self):
        page = self.page
        self.fleet.create("of shop")
        self.fleet.create("of root", user="root", port=81)
        page.enter("vic")
        page.wait_row("Load balancers", "of shop")
        self.assertEqual(len(page.table("Load balancers")), 1)
        self.open("of shop")
        page.wait_row("Members", "10.0.0.1:80")
        self.assertEqual(page.run("return document.querySelectorAll('#view button').length"), 0)
        page.find("#sign-out").click()
        page.wait("the login", "!document.querySelector('#login').hidden")
        page.sign_in("root")
        page.click("Load balancers", "#navigation")
        page.wait_row("Load balancers", "of root")
        page.wait_row("Load balancers", "of shop")

    def test_what_a_worker_refuses_is_shown_in_its_words(self):
        page = self.page
        self.fleet.create("fine")
        self.fleet.create("dns", port=53, kind="UDP", status="ERROR")
        page.enter()
        page.wait_row("Load balancers", "dns", "error")
        self.assertEqual(page.table("Load balancers")[0][0], "dns")
        self.open("dns")
        page.wait("the sentence", "document.querySelector('#view dl').textContent.includes('UDP')")
        page.screenshot("fleet-error")
        page.click("Hosts", "#navigation")
        page.wait_row("Hosts", "lb1", "UDP")

    def test_hosts_are_shown_with_their_state(self):
        page = self.page
        self.fleet.create("shop")
        page.enter("vic")
        page.click("Hosts", "#navigation")
        page.wait_row("Hosts", "lb1", "up", "yes", "1")
        page.screenshot("fleet-hosts")

    def test_a_narrow_screen_shows_everything_without_scrolling_sideways(self):
        page = self.page
        self.fleet.create("a load balancer with a long name of " + "x" * 120)
        page.emulate(400)
        page.enter("root")
        for name in ("Load balancers", "Hosts", "Events", "Users", "Audit"):
            page.click(name, "#navigation")
            page.wait("the page", f"document.querySelector('#view h2')?.textContent === {name!r}")
            page.wait("its content", "document.querySelector('#view table, #view .panel')")
            self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 400, name)
            page.screenshot("fleet-narrow-" + re.sub(r"\W", "-", name))
        page.click("Load balancers", "#navigation")
        page.click("a load balancer with", "#view")
        page.wait_row("Members", "10.0.0.1:80")
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 400)
        page.screenshot("fleet-narrow")

    def test_all_text_can_be_read_and_everything_that_can_be_used_has_a_name(self):
        page = self.page
        self.fleet.create("shop")
        self.fleet.create("dns", port=53, kind="UDP", status="ERROR")
        pages = set()
        for scheme in ("light", "dark"):
            page.emulate(scheme=scheme)
            page.enter("root")
            for name in ("Load balancers", "Hosts", "Events", "Users", "Audit", "root (admin)"):
                page.click(name, "header")
                page.wait("its content", "document.querySelector('#view table, #view .log')")
                self.check(f"{name} in {scheme}")
            page.click("Load balancers", "#navigation")
            self.open("shop")
            page.wait_row("Members", "10.0.0.1:80")
            self.check(f"a load balancer in {scheme}")
            page.click("Add listener")
            page.wait("the dialog", "document.querySelector('#dialog').open")
            page.fill_in(protocol_port="x")
            self.check(f"a dialog in {scheme}")
            page.screenshot("fleet-dialog-" + scheme)
            pages.add(page.run("return getComputedStyle(document.body).backgroundColor"))
            self.press(Keys.ESCAPE)
            page.reset()
        self.assertEqual(len(pages), 2)

    def check(self, what):
        self.assertEqual(self.page.faint(), [], what)
        self.assertEqual(self.page.nameless(), [], what)


class Losing(BalancerCase):
    def test_a_server_that_goes_away_is_said_and_what_happened_meanwhile_is_shown_when_it_is_back(self):
        page = self.page
        self.fleet.create("before")
        page.enter()
        page.wait_row("Load balancers", "before")
        self.fleet.stop("server")
        page.wait("it is said", "document.querySelector('#connection').dataset.state === 'lost'")
        page.click("Create load balancer")
        page.wait("the dialog", "document.querySelector('#dialog').open")
        page.fill_in(name="lost")
        page.wait("it is said", "document.querySelector('#dialog .notice').textContent.startsWith('The server did not answer')")
        self.press(Keys.ESCAPE)
        self.fleet.start_server()
        self.fleet.create("after", port=81)
        page.wait_row("Load balancers", "after")
        page.wait("it is live", "document.querySelector('#connection').textContent === 'live'")
