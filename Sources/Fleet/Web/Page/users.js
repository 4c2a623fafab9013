// Users and tokens, for admins; and the own account.

import { clock, element, foreign, printable } from "/dashboard/text.js";
import { path } from "./api.js";
import { ask, confirm, Form, show } from "./form.js";
import { button, facts, table } from "./table.js";

const roles = [["viewer", "viewer: read only"], ["operator", "operator: changes load balancers"], ["admin", "admin: all projects, users and tokens"]];

export class Users {
  title = "Users";
  #app;
  #parts = element("div", { class: "panel" });

  constructor(app) {
    this.#app = app;
  }

  make() {
    const add = element("button", { type: "button", class: "primary", click: () => this.#add() }, "Add user");
    return [element("div", { class: "bar" }, element("h2", { tabindex: "-1" }, this.title), add), this.#parts];
  }

  async load() {
    const { users } = await this.#app.session.json("/v1/users");
    const columns = ["Name", "Role", "Project", "Enabled", "Created", { title: "Actions", class: "actions" }];
    const rows = users.map((user) => [
      user.name, user.role, user.project, user.enabled ? "yes" : "no", clock(user.created),
      [button("Change", user.name, () => this.#change(user)), button("Delete", user.name, () => this.#delete(user), "danger")],
    ]);
    this.#parts.replaceChildren(table("Users", columns, rows, "There are no users."));
  }

  async update() {}

  async #send(place, method, body) {
    await this.#app.session.fetch(place, { method, body });
    await this.load();
  }

  #add() {
    const fields = [
      { name: "name", label: "Name", required: true }, { name: "password", label: "Password", type: "password", required: true, hint: "8 bytes at least", autocomplete: "new-password" },
      { name: "role", label: "Role", type: "select", choices: roles, value: "viewer" }, { name: "project", label: "Project", value: "default", hint: "created if it does not exist" },
    ];
    return ask("Add a user", fields, { action: "Add", send: (values) => this.#send("/v1/users", "POST", values) });
  }

  #change(user) {
    const fields = [
      { name: "role", label: "Role", type: "select", choices: roles, value: user.role }, { name: "project", label: "Project", value: user.project },
      { name: "enabled", label: "may sign in", type: "check", value: user.enabled },
      { name: "password", label: "New password", type: "password", hint: "empty: unchanged", autocomplete: "new-password" },
    ];
    const isOwn = user.id === this.#app.session.who.user.id;
    const shown = isOwn ? fields.slice(0, 3) : fields;
    const send = ({ password, ...values }) => this.#send(path("v1", "users", user.id), "PATCH", password ? { ...values, password } : values);
    return ask(`Change ${printable(user.name, 60)}`, shown, { action: "Change", send });
  }

  #delete(user) {
    return confirm("Delete the user?", foreign(user.name, 200), { action: "Delete", send: () => this.#send(path("v1", "users", user.id), "DELETE") });
  }
}

/** The own account: the password, and tokens. An admin can have the tokens of all. */
export class Account {
  title = "Account";
  #app;
  #wantsAll = false;
  #parts = element("div");

  constructor(app) {
    this.#app = app;
  }

  make() {
    const { who } = this.#app.session;
    const password = new Form([
      { name: "old_password", label: "Present password", type: "password", required: true, autocomplete: "current-password" },
      { name: "password", label: "New password", type: "password", required: true, hint: "8 bytes at least", autocomplete: "new-password" },
    ], {
      action: "Change password",
      send: async (values) => {
        await this.#app.session.fetch(path("v1", "users", who.user.id), { method: "PATCH", body: values });
        await this.#app.leave("The password is changed: sign in with the new one.");
      },
    });
    return [
      element("h2", { tabindex: "-1" }, this.title),
      element("section", { class: "panel", "aria-label": "Who you are" }, facts(["Name", who.user.name], ["Role", who.role], ["Project", who.project.name], ["Session expires", clock(who.expires)])),
      element("section", { class: "panel", "aria-label": "Password" }, element("h3", {}, "Password"), password.form),
      element("section", { class: "panel", "aria-label": "Tokens" }, this.#bar(), this.#parts),
    ];
  }

  #bar() {
    const all = element("input", { type: "checkbox", id: "all-tokens", change: () => { this.#wantsAll = all.checked; this.load().catch((error) => this.#app.fail(error)); } });
    const choice = this.#app.session.isAdmin ? [all, element("label", { for: "all-tokens" }, "all users")] : [];
    const add = element("button", { type: "button", click: () => this.#add() }, "Create application credential");
    return element("div", { class: "bar" }, element("h3", {}, "Tokens"), ...choice, add);
  }

  async load() {
    const { tokens } = await this.#app.session.json(`/v1/tokens${this.#wantsAll ? "?all=true" : ""}`);
    const columns = ["Token", "Kind", "User", "Role", "Created", "Expires", { title: "Actions", class: "actions" }];
    const rows = tokens.map((token) => [
      token.name ?? token.id, token.kind === "credential" ? "application credential" : "login", token.user, token.role, clock(token.created),
      token.expires ? clock(token.expires) : "never", button("Revoke", token.name ?? token.id, () => this.#revoke(token), "danger"),
    ]);
    this.#parts.replaceChildren(table("Tokens", columns, rows, "There are no tokens."));
  }

  async update() {}

  async #add() {
    const { session } = this.#app;
    let made = null;
    const fields = [
      { name: "name", label: "Name", required: true }, { name: "role", label: "Role", type: "select", choices: roles.slice(0, roles.findIndex(([role]) => role === session.who.role) + 1), value: session.who.role },
      { name: "expires_in", label: "Valid for days", type: "number", min: 1, max: 3650, hint: "empty: until it is revoked" },
    ];
    await ask("Create an application credential", fields, {
      action: "Create",
      send: async ({ expires_in, ...values }) => {
        const body = expires_in ? { ...values, expires_in: expires_in * 86_400 } : values;
        made = await session.json("/v1/tokens", { method: "POST", body });
      },
    });
    if (!made) return;
    await this.load();
    await show("Application credential", element("p", {}, "The secret is shown only now. A program logs in with both at /v3/auth/tokens, or by lbaasctl login ID --credential."),
      element("p", {}, "Id"), element("code", { class: "secret" }, made.id), element("p", {}, "Secret"), element("code", { class: "secret" }, made.secret),
      element("form", { method: "dialog", class: "buttons" }, element("button", { type: "button", class: "primary", click: () => document.querySelector("#dialog").close() }, "Close")));
    // It is not to be found in the page afterwards.
    document.querySelector("#dialog-body").replaceChildren();
  }

  #revoke(token) {
    return confirm("Revoke the token?", foreign(token.name ?? token.id, 200), {
      action: "Revoke",
      send: async () => {
        await this.#app.session.fetch(path("v1", "tokens", token.id), { method: "DELETE" });
        await this.load();
      },
    });
  }
}
