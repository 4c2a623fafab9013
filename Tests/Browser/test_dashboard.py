"""The dashboard of a running worker, as somebody sees and uses it."""

import json

from selenium.webdriver.common.keys import Keys

from support import DashboardCase, Link, load_balancer, wait_for


class Signing(DashboardCase):
    def test_a_token_is_asked_for_and_kept_in_the_tab_alone(self):
        self.page.load()
        self.page.wait("the login", "!document.querySelector('#login').hidden")
        self.assertEqual(self.focus(), "token")
        self.press("wrong", Keys.ENTER)
        self.page.wait("a refusal", "document.querySelector('#login-error').textContent === 'The worker does not know this token.'")
        self.press("work", Keys.ENTER)
        self.page.wait("the page", "!document.querySelector('#content').hidden")
        self.assertEqual(self.page.text("#principal"), "operator-name (operator)")
        self.assertEqual(self.page.driver.current_url, self.page.url)
        self.assertEqual(self.page.driver.get_cookies(), [])
        self.page.driver.refresh()
        self.page.wait("it is still signed in", "document.querySelector('#principal').textContent !== ''")
        self.page.find("#sign-out").click()
        self.page.wait("the login", "!document.querySelector('#login').hidden && document.querySelector('#content').hidden")
        self.assertEqual(self.page.run("return JSON.stringify(sessionStorage) + JSON.stringify(localStorage)"), "{}{}")

    def test_another_tab_is_signed_in_and_out_with_the_first(self):
        self.page.enter()
        first = self.page.driver.current_window_handle
        self.page.new_tab()
        self.page.wait("the second tab", "document.querySelector('#principal').textContent !== ''")
        self.page.find("#sign-out").click()
        self.page.driver.switch_to.window(first)
        self.page.wait("the first tab has the login", "!document.querySelector('#login').hidden")

    def test_a_viewer_sees_everything_and_is_offered_no_change(self):
        self.worker.submit("CREATE", load_balancer("shop", self.node().port))
        self.page.enter("look")
        self.assertEqual(self.page.text("#principal"), "viewer-name (viewer, read only)")
        self.page.open("shop")
        self.page.wait("its node", "document.querySelector('.nodes tbody tr') !== null")
        verbs = self.page.run("return [...document.querySelectorAll('#detail [data-verb]')].map((button) => button.dataset.verb)")
        self.assertEqual(set(verbs), {"why"})


class Seeing(DashboardCase):
    def test_what_is_wrong_is_said_first_with_its_reason(self):
        live, dead = self.node(), self.node()
        dead.close()
        self.worker.submit("CREATE", load_balancer("good", live.port), load_balancer("half", live.port, dead.port, listen=81))
        self.worker.submit("CREATE", load_balancer("bad", dead.port, listen=82), load_balancer("idle", live.port, listen=83))
        self.worker.ask("POST", "/v1/load-balancers/idle/suspend")
        self.page.enter()
        wait_for("all checks", lambda: [row["state"] for row in self.page.rows()] == ["down", "degraded", "suspended", "up"])
        self.assertEqual([row["id"] for row in self.page.rows()], ["bad", "half", "idle", "good"])
        self.assertTrue(self.page.row("bad")["note"].startswith("n0: connect: refused"))
        self.assertEqual(self.page.row("half")["count"], "1/2")
        self.assertEqual(self.page.row("half")["listener"], "TCP *:81")
        self.assertEqual(self.page.text("#problems"), "1 load balancer down1 load balancer degraded")
        self.page.wait("it is announced", "document.querySelector('#announcement').textContent === '1 load balancer down'")
        self.assertTrue(self.page.driver.title.startswith("(1) lb1"))
        self.page.screenshot("light")
        self.page.find("#problems li button").click()
        wait_for("only what is down", lambda: [row["id"] for row in self.page.rows()] == ["bad"])

    def test_a_change_is_shown_at_once_and_told_as_an_event(self):
        node = self.node()
        self.page.enter()
        self.page.wait("nothing is wrong", "document.querySelector('#problems').textContent.startsWith('Nothing is wrong: 0 load')")
        self.worker.submit("CREATE", load_balancer("shop", node.port))
        wait_for("it is there and up", lambda: (self.page.row("shop") or {}).get("state") == "up")
        self.page.wait("the event", "document.querySelector('#events').textContent.includes('CREATE shop')")
        node.close()
        wait_for("it is down", lambda: self.page.row("shop")["state"] == "down")
        self.page.wait("the event", "document.querySelector('#events').textContent.includes('n0 of shop is DOWN: connect: refused')")
        self.page.wait("the headline", "document.querySelector('#problems').textContent === '1 load balancer down'")
        self.worker.submit("DELETE", {"id": "shop"})
        wait_for("it is gone", lambda: self.page.row("shop") is None)

    def test_why_is_answered_on_a_click(self):
        node = self.node()
        node.close()
        self.worker.submit("CREATE", load_balancer("shop", node.port))
        self.page.enter()
        self.page.open("shop")
        self.page.wait("the reason", "document.querySelector('.nodes tbody').textContent.includes('connect: refused')")
        self.page.wait("why", "document.querySelectorAll('#why ol > li').length > 3")
        self.page.find(".nodes [data-verb=why]").click()
        self.page.wait("why of the node", "document.querySelector('#why h3').textContent === 'Why is n0 so?'")
        self.page.wait("the steps", "document.querySelectorAll('#why ol > li').length > 3")
        steps = self.page.run("return [...document.querySelectorAll('#why ol > li > b')].map((step) => step.textContent)")
        self.assertEqual(steps[0], "job")
        self.assertIn("appliance", steps)
        self.assertIn("refused", self.page.text("#why"))
        self.page.screenshot("why")

    def test_traffic_is_drawn_as_a_curve(self):
        self.worker.submit("CREATE", load_balancer("shop", self.node().port))
        self.page.enter()
        self.page.wait("a curve", "(document.querySelector('#list polyline')?.getAttribute('points') ?? '').includes(' ')")
        self.page.screenshot("traffic")
        self.assertRegex(self.page.row("shop")["traffic"], r"^[0-9.]+ [kMG]?B/s$")

    def test_a_load_balancer_has_an_address_that_can_be_passed_on(self):
        self.worker.submit("CREATE", load_balancer("a/b?c#d", self.node().port))
        self.page.enter()
        self.page.open("a/b?c#d")
        address = self.page.driver.current_url
        self.page.driver.get("about:blank")
        self.page.load(address)
        self.page.wait("it is open", "document.querySelector('#detail-title')?.textContent === 'a/b?c#d'")


class Text(DashboardCase):
    names = {
        "<img src=x onerror=document.title='pwned'>": "<img src=x onerror=document.title='pwned'>",
        "<script>document.title='pwned'</script>": "<script>document.title='pwned'</script>",
        "\"><svg onload=document.title='pwned'>": "\"><svg onload=document.title='pwned'>",
        "javascript:document.title='pwned'": "javascript:document.title='pwned'",
        "a\u202egnp.exe": "a‹202E›gnp.exe",
        "line\nbreak\tand\u0007bell": "line‹000A›break‹0009›and‹0007›bell",
        "\u2066hidden\u2069\u200b\ufeff": "‹2066›hidden‹2069›‹200B›‹FEFF›",
        "עברית": "עברית",
        "../../v1": "../../v1",
        "%41&amp;{{7*7}}${7*7}": "%41&amp;{{7*7}}${7*7}",
    }

    def test_ids_of_any_characters_are_text(self):
        port = self.node().port
        for place, name in enumerate(self.names):
            made = load_balancer(name, port, listen=100 + place)
            made["nodes"][0]["id"] = name
            self.worker.submit("CREATE", made)
        self.page.enter()
        for name, shown in self.names.items():
            with self.subTest(name=name):
                self.page.open(shown)
                self.page.wait("the title", f"document.querySelector('#detail-title').textContent === {json.dumps(shown)}")
                self.page.wait("its node", f"document.querySelector('.nodes').textContent.includes({json.dumps(shown)})")
                self.page.wait("an answer", "document.querySelector('#why > :not(h3)') !== null")
                self.assertEqual(self.page.run("return getComputedStyle(document.querySelector('#detail-title bdi')).unicodeBidi"), "isolate")
        self.assertFalse(self.page.driver.title.startswith("pwned"))
        self.assertEqual(self.page.run("return document.querySelectorAll('main img, main script, main svg[onload], main a').length"), 0)

    def test_markup_in_what_goes_wrong_is_text(self):
        self.worker.submit("CREATE", load_balancer("<b>shop</b>", self.node().port))
        self.page.enter()
        self.page.open("<b>shop</b>")
        self.worker.submit("DELETE", {"id": "<b>shop</b>"})
        self.page.wait("it is gone", "!document.querySelector('#detail .notice').hidden")
        self.assertEqual(self.page.run("return document.querySelectorAll('main b').length - document.querySelectorAll('#why b').length"), 0)


class Acting(DashboardCase):
    def confirm(self, verb):
        """Clicks on a verb, reads what it would do, and confirms it."""
        self.page.find(f"#detail button[data-verb={verb}]").click()
        self.page.wait("the plan", "!document.querySelector('#confirmation-button').disabled")
        plan = self.page.text("#confirmation")
        self.page.find("#confirmation-button").click()
        return plan

    def test_an_operator_drains_enables_and_suspends_and_sees_before_what_it_does(self):
        self.worker.submit("CREATE", load_balancer("shop", self.node().port))
        self.page.enter()
        self.page.open("shop")
        self.assertIn("change node 'n0' of 'shop'", self.confirm("drain"))
        self.page.wait("it drains", "document.querySelector('.nodes td.state').textContent === 'draining'")
        self.assertIn('"condition":"DRAINING"', self.worker.ask("GET", "/v1/load-balancers/shop")[1])
        self.page.wait("word of it", "document.querySelector('#outcome').textContent === 'n0 of shop was told to drain.'")
        self.confirm("activate")
        self.page.wait("it serves", "document.querySelector('.nodes td.state').textContent === 'up'")
        self.assertIn("suspend load balancer 'shop'", self.confirm("suspend"))
        self.page.wait("it is suspended", "document.querySelector('#detail strong.state').textContent === 'suspended'")
        self.confirm("enable")
        self.page.wait("it serves", "document.querySelector('#detail strong.state').textContent === 'up'")
        journal = json.loads(self.worker.ask("GET", "/v1/journal")[1])["journal"]
        self.assertIn("api:operator-name", {entry["origin"] for entry in journal if entry["what"].startswith("SUSPEND")})

    def test_nothing_is_done_when_it_is_not_confirmed(self):
        self.worker.submit("CREATE", load_balancer("shop", self.node().port))
        self.page.enter()
        self.page.open("shop")
        self.page.find("#detail button[data-verb=suspend]").click()
        self.page.wait("the plan", "!document.querySelector('#confirmation-button').disabled")
        self.page.screenshot("confirmation")
        self.press(Keys.ESCAPE)
        self.page.wait("it is closed", "!document.querySelector('#confirmation').open")
        self.assertNotIn("SUSPENDED", self.worker.ask("GET", "/v1/load-balancers/shop")[1])

    def test_what_was_changed_meanwhile_is_not_changed_by_an_old_plan(self):
        node = self.node()
        self.worker.submit("CREATE", load_balancer("shop", node.port))
        self.page.enter()
        self.page.open("shop")
        self.page.find("#detail button[data-verb=suspend]").click()
        self.page.wait("the plan", "!document.querySelector('#confirmation-button').disabled")
        self.worker.submit("CREATE", load_balancer("shop", node.port, node.port))
        self.page.find("#confirmation-button").click()
        self.page.wait("a refusal", "document.querySelector('#outcome').textContent.includes('changed meanwhile')")
        self.assertNotIn("SUSPENDED", self.worker.ask("GET", "/v1/load-balancers/shop")[1])

    def test_everything_is_done_with_the_keyboard_alone(self):
        port = self.node().port
        self.worker.submit("CREATE", *[load_balancer(f"shop-{place}", port, listen=200 + place) for place in range(30)])
        self.page.load()
        self.page.wait("the login", "document.activeElement.id === 'token'")
        self.press("work", Keys.ENTER)
        wait_for("the list", lambda: len(self.page.rows()) > 10)
        self.page.run("document.activeElement.blur()")
        self.press("/")
        self.assertEqual(self.focus(), "search")
        self.press("shop-2")
        wait_for("the search", lambda: len(self.page.rows()) == 11)
        self.press(Keys.ENTER)
        self.assertEqual(self.focus(), "list")
        chosen = "document.getElementById(document.querySelector('#list').getAttribute('aria-activedescendant')).cells[1].textContent"
        self.press(Keys.END)
        self.page.wait("the last one is chosen", chosen + " === 'shop-29'")
        self.press(Keys.ARROW_UP, Keys.ENTER)
        self.page.wait("it is open", "document.activeElement.textContent === 'shop-28'")
        for _ in range(20):
            if self.focus() == "Drain n0":
                break
            self.press(Keys.TAB)
        self.assertEqual(self.focus(), "Drain n0")
        self.press(Keys.ENTER)
        self.page.wait("the plan", "!document.querySelector('#confirmation-button').disabled")
        self.assertEqual(self.focus(), "Cancel")
        self.press(Keys.TAB, Keys.ENTER)
        self.page.wait("it drains", "document.querySelector('.nodes td.state').textContent === 'draining'")
        self.assertEqual(self.focus(), "Enable n0")
        self.press(Keys.ESCAPE)
        self.page.wait("it is closed", "document.querySelector('#detail').hidden")
        self.assertEqual(self.focus(), "list")


class VirtualIPs(DashboardCase):
    configuration = f"[virtual_ip:web]\naddress = 192.0.2.10\ninterface = {Link.worker}\nfollow_services = yes\n"

    @classmethod
    def setUpClass(cls):
        cls.link = Link()
        cls.addClassCleanup(cls.link.close)
        super().setUpClass()

    def cells(self):
        """State and address of the virtual IPs that are shown."""
        rows = self.page.run("return [...document.querySelectorAll('#virtual-ips tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))")
        return [(state, address.split()[0]) for state, address, _ in rows]

    def test_a_virtual_ip_is_shown_with_its_state_and_its_loss_is_said_first(self):
        node = self.node()
        self.worker.submit("CREATE", load_balancer("shop", node.port) | {"address": "192.0.2.10"})
        self.page.enter()
        wait_for("it is ours", lambda: self.cells() == [("activated", "192.0.2.10")])
        self.page.screenshot("virtual-ip")
        self.link.set_carrier(False)
        self.page.wait("the reason", "document.querySelector('#virtual-ips .reason')?.textContent.includes('vip0 has no carrier')")
        self.link.set_carrier(True)
        self.page.wait("it is well", "document.querySelector('#virtual-ips .reason') === null")
        node.close()
        wait_for("it is given up", lambda: self.cells() == [("failing", "192.0.2.10")])
        self.page.wait("the headline", "document.querySelector('#problems').textContent.includes('Virtual IP 192.0.2.10 is FAILING')")
        self.page.wait("the event", "document.querySelector('#events').textContent.includes('192.0.2.10 is FAILING')")
        self.page.screenshot("virtual-ip-failing")
        self.node(node.port)
        wait_for("it is ours again", lambda: self.cells() == [("activated", "192.0.2.10")])
        self.page.wait("nothing is wrong", "document.querySelector('#problems').textContent.startsWith('Nothing is wrong')")

    def test_virtual_ips_come_and_go_with_requests(self):
        self.page.enter()
        wait_for("that of the configuration", lambda: len(self.cells()) == 1)
        status, text = self.worker.ask("POST", "/ips", {"ip": "192.0.2.11", "interface": Link.worker})
        self.assertEqual(status, 201, text)
        wait_for("the new one", lambda: ("activated", "192.0.2.11") in self.cells())
        self.assertEqual(self.worker.ask("DELETE", f"/ips/{json.loads(text)['id']}")[0], 204)
        wait_for("it is gone", lambda: len(self.cells()) == 1)
