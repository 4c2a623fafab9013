// The web front of a fleet.

import { Feed } from "/dashboard/feed.js";
import { element, printable, setAttribute, setText } from "/dashboard/text.js";
import { Octavia, Session } from "./api.js";
import { Balancer } from "./balancer.js";
import { Balancers } from "./balancers.js";
import { Changes } from "./changes.js";
import { Hosts } from "./hosts.js";
import { Audit, Log } from "./log.js";
import { Account, Users } from "./users.js";

const find = (selector) => document.querySelector(selector);
const session = new Session();
const octavia = new Octavia(session);
const log = new Log();

/** What the pages use. */
const app = { session, octavia, changes: new Changes(octavia), go, say, fail, leave, retitle };

/** The pages by the first word of the address; those for admins are for nobody else. */
const pages = {
  "load-balancers": { title: "Load balancers", make: (id) => (id ? new Balancer(app, id) : balancers()) },
  hosts: { title: "Hosts", make: () => new Hosts(app) },
  events: { title: "Events", make: () => log },
  users: { title: "Users", isForAdmins: true, make: () => new Users(app) },
  audit: { title: "Audit", isForAdmins: true, make: () => new Audit(app) },
  account: { title: "Account", isHidden: true, make: () => new Account(app) },
};

let view = null;
let list = null;
/** Whether what was said is about the page that is opened next. */
let isSaid = false;
/** Why somebody is to sign in again. */
let reason = "";

/** The list is kept, with what was searched for. */
function balancers() {
  list ??= new Balancers(app);
  return list;
}

// MARK: Pages

function address() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  try {
    return [name, rest.length > 0 ? decodeURIComponent(rest.join("/")) : null];
  } catch {
    return ["", null];
  }
}

/** Goes to a page; what was said stays. */
function go(...words) {
  isSaid = true;
  location.hash = `#/${words.map(encodeURIComponent).join("/")}`;
}

async function open() {
  if (!session.who) return;
  const [name, id] = address();
  const page = pages[name] && (!pages[name].isForAdmins || session.isAdmin) ? pages[name] : null;
  if (!page) return location.replace("#/load-balancers");
  for (const link of find("#navigation").querySelectorAll("a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const dialog = find("#dialog");
  if (dialog.open) dialog.close();
  if (!isSaid) say("");
  isSaid = false;
  const made = page.make(id);
  view = made;
  find("#view").replaceChildren(...made.make());
  retitle();
  find("#view h2")?.focus();
  await read(made, () => made.load());
}

/** Reads what a page shows. What is said of a failure goes away with the next success. */
async function read(page, body) {
  const outcome = find("#outcome");
  try {
    await body();
    if (view === page && outcome.dataset.about === "reading") say("");
  } catch (error) {
    if (view !== page) return;
    fail(error);
    outcome.dataset.about = "reading";
  }
}

function retitle() {
  document.title = `${view?.title ?? "lbaas-server"} – lbaas-server`;
}

/** Says what was done. */
function say(text, kind = "good") {
  const outcome = find("#outcome");
  outcome.dataset.state = kind;
  outcome.dataset.about = "";
  setText(outcome, text);
}

/** Says what went wrong. */
function fail(error) {
  if (error.status === 401) return;
  say(error.status || error.constructor === Error ? printable(error.message, 600) : "The server did not answer.", "bad");
}

// MARK: Events

const feed = new Feed(session, { onEvent: take, onState: showConnection });
let affected = new Set();
let updateTimer = null;
/** Where more have changed, all are read. */
const mostUpdates = 20;
let readingTimer = null;
/** When all may be read again: a fleet where much happens is not to be read all the time. */
let nextReading = 0;

function take(event) {
  log.add(event);
  const { type, data } = event;
  app.changes.tell();
  if (type === "change") touch(data.load_balancer ?? data.id);
  else if (type === "host") touch(...(view?.pending ?? []));
  else readAll();
}

/** Has what is shown of load balancers read again soon. What comes together is read once. */
function touch(...ids) {
  for (const id of ids) affected.add(id);
  updateTimer ??= setTimeout(async () => {
    const found = affected;
    [updateTimer, affected] = [null, new Set()];
    if (found.size > mostUpdates) readAll();
    else await update(found);
  }, 150);
}

/** Has all that is shown read again, once for whatever happens until then. */
function readAll() {
  readingTimer ??= setTimeout(async () => {
    const begun = performance.now();
    await update(null);
    const now = performance.now();
    nextReading = now + Math.max(500, 10 * (now - begun));
    readingTimer = null;
  }, Math.max(150, nextReading - performance.now()));
}

async function update(ids) {
  if (!view || !session.who) return;
  const page = view;
  await read(page, () => page.update(ids));
}

function showConnection(state) {
  const connection = find("#connection");
  const wasLost = connection.dataset.state === "lost";
  setAttribute(connection, "data-state", state);
  setText(connection, state === "live" ? "live" : "no connection to the server: trying again");
  if (state === "live" && wasLost) {
    nextReading = 0;
    readAll();
  }
}

/** A change that is under way is looked at now and then, also where an event was missed. */
setInterval(() => {
  const pending = view?.pending ?? [];
  if (pending.length > 0) touch(...pending);
}, 3000);

// MARK: Signing in and out

function show() {
  const isIn = session.who !== null;
  for (const name of ["#navigation", "#connection", "#principal", "#sign-out", "#content"]) find(name).hidden = !isIn;
  find("#login").hidden = isIn;
  if (isIn) {
    setText(find("#principal a"), printable(`${session.who.user.name} (${session.who.role})`, 60));
    const links = Object.entries(pages).filter(([, page]) => !page.isHidden && (!page.isForAdmins || session.isAdmin));
    find("#navigation").replaceChildren(...links.map(([name, { title }]) => element("a", { href: `#/${name}`, "data-page": name }, title)));
    feed.start();
    open();
    return;
  }
  feed.stop();
  [view, list] = [null, null];
  log.clear();
  say("");
  find("#view").replaceChildren();
  if (find("#dialog").open) find("#dialog").close();
  find("#dialog-body").replaceChildren();
  document.title = "Sign in – lbaas-server";
  refuse(reason);
  reason = "";
  find("#login-name").focus();
}

/** Says in one sentence why nobody is signed in. */
function refuse(text) {
  const place = find("#login-error");
  place.hidden = text === "";
  setText(place, text);
}

find("#login form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [find("#login-name"), find("#login-password")];
  const button = find("#login button");
  if (name.value === "") {
    refuse("The name is missing.");
    return name.focus();
  }
  button.disabled = true;
  try {
    await session.signIn(name.value, password.value);
    refuse("");
  } catch (error) {
    const wrong = error.status === 401 ? "The name or the password is wrong." : printable(error.message, 300);
    refuse(error.status ? wrong : "The server did not answer.");
    password.focus();
  } finally {
    password.value = "";
    button.disabled = false;
  }
});

/** Signs out, and says why. */
async function leave(text) {
  reason = text;
  await session.signOut().catch(() => {});
}

find("#sign-out").addEventListener("click", () => leave("You are signed out."));
session.addEventListener("signed-in", show);
session.addEventListener("signed-out", () => {
  if (reason === "") reason = "The session has ended: sign in again.";
  show();
});
window.addEventListener("hashchange", open);

if (!(await session.restore())) show();
