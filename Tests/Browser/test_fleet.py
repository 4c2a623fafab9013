"""The web front of a fleet, as somebody sees and uses it."""

import contextlib
import http.server
import threading

from selenium.webdriver.common.keys import Keys

from fleet import PASSWORD, FleetCase
from support import wait_for


class Signing(FleetCase):
    def test_a_password_is_asked_for_and_the_session_is_in_a_cookie_that_no_script_reads(self):
        page = self.page
        page.load()
        page.wait("the login", "!document.querySelector('#login').hidden")
        self.assertEqual(self.focus(), "login-name")
        for name in ("ann", "nobody", "<b>x</b>"):
            page.sign_in(name, "wrong password")
            page.wait("a refusal", "document.querySelector('#login-error').textContent === 'The name or the password is wrong.'")
            page.wait("the button can be used", "!document.querySelector('#login button').disabled")
        page.screenshot("fleet-login")
        self.press(PASSWORD)
        page.fill({"#login-name": "ann"})
        self.press(Keys.ENTER)
        page.wait("the page", "!document.querySelector('#content').hidden")
        self.assertEqual(page.text("#principal"), "ann (operator)")
        cookies = page.driver.get_cookies()
        self.assertEqual([(cookie["name"], cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies], [("lbaas_session", True, "Strict")])
        self.assertEqual(page.run("return document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)"), "{}{}")
        page.driver.refresh()
        page.wait("it is still signed in", "document.querySelector('#principal').textContent !== ''")
        page.find("#sign-out").click()
        page.wait("the login", "!document.querySelector('#login').hidden && document.querySelector('#content').hidden")
        self.assertEqual(page.driver.get_cookies(), [])
        self.assertEqual(page.text("#login-error"), "You are signed out.")

    def test_another_tab_is_signed_in_and_out_with_the_first(self):
        page = self.page
        page.load()
        first = page.driver.current_window_handle
        page.new_tab()
        page.wait("the login", "!document.querySelector('#login').hidden")
        page.sign_in("ann")
        page.wait("the second tab", "document.querySelector('#principal').textContent !== ''")
        page.driver.switch_to.window(first)
        page.wait("the first tab", "document.querySelector('#principal').textContent !== ''")
        page.find("#sign-out").click()
        page.driver.switch_to.window(page.driver.window_handles[1])
        page.wait("the login", "!document.querySelector('#login').hidden")

    def test_a_token_that_was_revoked_ends_the_session_with_a_sentence(self):
        page = self.page
        page.enter("vic")
        token = self.fleet.token()
        for item in self.fleet.ask("GET", "/v1/tokens?all=true", token=token)[1]["tokens"]:
            if item["user"] == "vic":
                self.fleet.ask("DELETE", f"/v1/tokens/{item['id']}", token=token)
        page.click("Hosts", "#navigation")
        page.wait("the login", "document.querySelector('#login-error').textContent === 'The session has ended: sign in again.'")

    def test_the_login_and_the_pages_are_used_with_the_keyboard_alone(self):
        page = self.page
        page.load()
        page.wait("the login", "document.activeElement.id === 'login-name'")
        self.press("root", Keys.TAB, PASSWORD, Keys.ENTER)
        page.wait("the page", "document.activeElement.tagName === 'H2'")
        for _ in range(3):
            self.press(Keys.SHIFT + Keys.TAB + Keys.NULL)
        page.run("document.querySelector('#navigation a[data-page=users]').focus()")
        self.press(Keys.ENTER)
        page.wait_row("Users", "ann")
        self.assertEqual(self.focus(), "Users")
        self.press(Keys.TAB, Keys.ENTER)
        page.wait("the dialog", "document.querySelector('#dialog').open")
        self.assertEqual(self.focus(), "name")
        self.press(Keys.ESCAPE)
        page.closed()


class Attacker(http.server.BaseHTTPRequestHandler):
    """A page of another port of the same host, for which the browser sends the cookie too."""

    def do_GET(self):
        page = b"<!doctype html><title>free coupons</title><form method=post enctype=text/plain><input name=x></form><iframe name=f></iframe>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *arguments):
        pass


class Forgery(FleetCase):
    attack = """
    const [url, user, done] = arguments;
    const balancer = JSON.stringify({ loadbalancer: { name: "forged" } });
    const requests = [
      ["POST", "/v2/lbaas/loadbalancers", balancer, "text/plain"], ["POST", "/v2/lbaas/loadbalancers", balancer, "application/json"],
      ["POST", "/v1/users", user, "text/plain"], ["POST", "/v1/users", user, "application/json"], ["DELETE", "/v1/session", undefined, null],
      ["DELETE", "/v1/users/vic", undefined, null], ["GET", "/v1/users", undefined, null], ["GET", "/v1/session", undefined, null],
    ];
    const sent = requests.flatMap(([method, path, body, type]) => ["cors", "no-cors"].map(async (mode) => {
      try {
        const headers = type ? { "Content-Type": type } : {};
        const response = await fetch(url + path, { method, mode, credentials: "include", headers, body });
        return response.type === "opaque" ? "opaque" : `${method} ${path} ${response.status} ${await response.text()}`;
      } catch { return "refused"; }
    }));
    const form = document.querySelector("form");
    [form.action, form.target, form.elements[0].name] = [url + "/v1/users", "f", user];
    form.submit();
    Promise.all(sent).then(done);
    """

    def test_a_page_of_another_port_of_this_host_can_neither_read_nor_change_anything(self):
        page = self.page
        page.enter("root")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
        with contextlib.ExitStack() as stack:
            stack.callback(server.server_close)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            page.load(f"http://127.0.0.1:{server.server_address[1]}/")
            user = '{"name": "eve", "password": "long enough", "role": "admin"}'
            answers = page.driver.execute_async_script(self.attack, page.url.rstrip("/"), user)
            self.assertEqual(set(answers) - {"refused", "opaque"}, set())
            page.log()
        page.load()
        page.wait("root is still signed in", "document.querySelector('#principal').textContent === 'root (admin)'")
        names = [found["name"] for found in self.fleet.ask("GET", "/v1/users")[1]["users"]]
        self.assertEqual(sorted(names), ["ann", "root", "vic"])
        self.assertEqual(self.fleet.ask("GET", "/v2/lbaas/loadbalancers")[1]["loadbalancers"], [])


class People(FleetCase):
    names = {
        "<img src=x onerror=document.title='pwned'>": "<img src=x onerror=document.title='pwned'>",
        "a\u202egnp.exe": "a‹202E›gnp.exe",
        "עברית/../%2F?&#": "עברית/../%2F?&#",
        "'\"><svg onload=document.title='pwned'>": "'\"><svg onload=document.title='pwned'>",
    }

    def test_an_admin_makes_changes_and_deletes_users_of_any_names(self):
        page = self.page
        page.enter("root")
        page.click("Users", "#navigation")
        page.wait_row("Users", "vic", "viewer", "shop")
        for name, shown in self.names.items():
            with self.subTest(name=name):
                page.click("Add user")
                page.wait("the dialog", "document.querySelector('#dialog').open")
                page.run("document.querySelector(\"#dialog [name='name']\").value = arguments[0]", name)
                page.fill_in(password="long enough", role="operator", project="web")
                page.closed()
                page.wait_row("Users", shown, "operator", "web", "yes")
        page.screenshot("fleet-users")
        shown = "<img src=x onerror=document.title='pwned'>"
        page.click(f"Change {shown}")
        page.fill_in(role="viewer")
        page.closed()
        page.wait_row("Users", shown, "viewer")
        for shown in self.names.values():
            page.click(f"Delete {shown}")
            page.wait("the question", "document.querySelector('#dialog').open")
            page.click("Delete", "#dialog")
            page.closed()
            wait_for("it is gone", lambda: shown not in [row[0] for row in page.table("Users")])
        self.assertFalse(page.driver.title.startswith("pwned"))
        self.assertEqual(page.run("return document.querySelectorAll('main img, main script, main svg').length"), 0)
        page.click("Audit", "#navigation")
        page.wait_row("Audit", "root", "user.create", "a‹202E›gnp.exe")

    def test_what_is_wrong_with_a_user_is_said_at_the_field(self):
        page = self.page
        page.enter("root")
        page.click("Users", "#navigation")
        page.click("Add user")
        page.fill_in(role="viewer")
        self.assertEqual(page.fault("name"), "Name is missing.")
        self.assertEqual(self.focus(), "name")
        page.fill_in(name="ann", password="short")
        page.wait("a refusal", "document.querySelector('#dialog [name=password]').getAttribute('aria-invalid') === 'true'")
        self.assertEqual(page.fault("password"), "a password has 8 to 1024 bytes")
        self.assertEqual(self.focus(), "password")
        page.screenshot("fleet-fault")
        page.fill_in(password="long enough")
        page.wait("a refusal", "document.querySelector('#dialog [name=name]').getAttribute('aria-invalid') === 'true'")
        self.assertEqual(page.fault("name"), "there is a user of the name 'ann' already")
        self.press(Keys.ESCAPE)
        page.closed()

    def test_somebody_changes_the_own_password_and_has_tokens_for_programs(self):
        page = self.page
        self.fleet.ask("POST", "/v1/users", {"name": "eve", "password": PASSWORD, "role": "operator"})
        page.enter("eve")
        self.assertEqual(page.run("return [...document.querySelectorAll('#navigation a')].map((link) => link.textContent)"), ["Load balancers", "Hosts", "Events"])
        page.click("eve (operator)")
        page.click("Create application credential")
        page.fill_in(name="ci", expires_in="x")
        self.assertEqual(page.fault("expires_in"), "x is not a whole number from 1 to 3650.")
        page.fill_in(expires_in="30")
        page.wait("the secret", "document.querySelectorAll('#dialog .secret').length === 2")
        identity, secret = page.run("return [...document.querySelectorAll('#dialog .secret')].map((it) => it.textContent)")
        status, made = self.fleet.ask("POST", "/v1/session", {"credential": identity, "secret": secret, "cookie": False}, token=None)
        self.assertEqual((status, made["role"]), (201, "operator"))
        page.click("Close", "#dialog")
        page.wait_row("Tokens", "ci", "application credential")
        wait_for("the secret is forgotten", lambda: secret not in page.run("return document.documentElement.outerHTML"))
        page.screenshot("fleet-account")
        page.click("Revoke ci")
        page.click("Revoke", "#dialog")
        wait_for("it is gone", lambda: "ci" not in [row[0] for row in page.table("Tokens")])
        page.fill({"[name=old_password]": "wrong", "[name=password]": "another one"})
        page.click("Change password", "#view")
        page.wait("a refusal", "document.querySelector('[name=old_password]').getAttribute('aria-invalid') === 'true'")
        page.fill({"[name=old_password]": PASSWORD})
        page.click("Change password", "#view")
        page.wait("the login", "document.querySelector('#login-error').textContent.startsWith('The password is changed')")
        page.sign_in("eve", "another one")
        page.wait("the page", "!document.querySelector('#content').hidden")

    def test_the_newest_records_of_the_audit_are_shown_however_many_there_are(self):
        page = self.page
        token = self.fleet.token()
        for place in range(600):
            self.fleet.ask("PATCH", "/v1/users/vic", {"enabled": place % 2 == 1}, token)
        page.enter("root")
        page.click("Audit", "#navigation")
        page.wait_row("Audit", "root", "token.create")
        rows = page.table("Audit")
        self.assertEqual(len(rows), 500)
        self.assertEqual([row[2] for row in rows[:2]], ["token.create", "user.update"])
