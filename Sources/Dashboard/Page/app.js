// The dashboard of a worker.

import { Actions } from "./actions.js";
import { Detail } from "./detail.js";
import { Feed } from "./feed.js";
import { VirtualTable } from "./list.js";
import { EventLog, JobServers, silence, VirtualIPs } from "./panels.js";
import { loadBalancerPath, Problem, Session } from "./session.js";
import { states, stateWords, Store } from "./store.js";
import { age, count, element, printable, setAttribute, setText } from "./text.js";
import { draw, sparkline, Traffic } from "./traffic.js";

const find = (selector) => document.querySelector(selector);
const session = new Session();
const jobServers = new JobServers();
const virtualIPs = new VirtualIPs();
const events = new EventLog();
const actions = new Actions(session, tell);
const detail = new Detail(session, actions, () => go(null));
const store = new Store(session, { onChange: show, onFailure: fail });
const feed = new Feed(session, { onEvent: take, onState: showConnection });
const traffic = new Traffic({ read: readTraffic, shown: () => table.shown.map((item) => item.id), onChange: () => table.draw() });
const table = new VirtualTable(find("#scroller"), find("#list"), { make, fill, onOpen: (item) => go(item.id) });

/** Since when nothing is heard of the worker, as a time; null while it is heard. */
let silentSince = null;
/** Why the worker cannot do its work. */
let reasons = [];
/** Whether the list was read once. */
let isLoaded = false;

// MARK: The load balancers

/** Makes the cells of a row. */
function make(row) {
  const cells = Object.fromEntries(["state", "id", "listener", "count", "traffic", "note"].map((name) => [name, element("td", { role: "gridcell", class: name })]));
  const curve = sparkline();
  const [id, since] = [element("bdi"), element("small")];
  const reason = element("bdi");
  cells.id.append(id);
  cells.note.append(reason, " ", since);
  cells.traffic.append(curve.svg, curve.number);
  row.append(...Object.values(cells));
  return { ...cells, id, reason, since, curve };
}

/** Puts a load balancer into the cells of a row. */
function fill(cells, item) {
  setText(cells.state, stateWords[item.state] ?? printable(item.state));
  setAttribute(cells.state, "data-state", item.state);
  setText(cells.id, printable(item.id, 200));
  setText(cells.listener, printable(item.listener, 200));
  setText(cells.count, `${item.up}/${item.nodes.length}`);
  setText(cells.reason, printable(item.reason, 200));
  setText(cells.since, item.since ? age(item.since) : "");
  draw(cells.curve, traffic.rates(item.id));
}

/** Reads how much load balancers have sent, in requests whose addresses are not too long. */
async function readTraffic(ids) {
  const queries = [""];
  for (const id of ids.filter((id) => loadBalancerPath(id) !== null)) {
    const part = `&id=${encodeURIComponent(id)}`;
    if (queries.at(-1).length + part.length > 8000) queries.push("");
    queries[queries.length - 1] += part;
  }
  const answers = await Promise.all(queries.filter(Boolean).map((query) => session.json("/v1/traffic?" + query.slice(1))));
  return new Map(answers.flatMap((answer) => answer.traffic.map(({ id, sent }) => [id, sent])));
}

/** Shows what there is now. */
function show() {
  isLoaded = true;
  showList();
  showProblems();
  if (detail.id !== null) detail.update(store.get(detail.id));
  else route();
}

function showList() {
  const found = store.find(find("#search").value, find("#filter").value);
  table.items = found;
  const isAll = found.length === store.size;
  setText(find("#matches"), isAll ? count(store.size, "load balancer") : `${found.length.toLocaleString("en")} of ${store.size.toLocaleString("en")}`);
}

function showFilter(totals) {
  const select = find("#filter");
  if (select.options.length === 0) select.append(...["", ...states].map((state) => element("option", { value: state })));
  for (const option of select.options) {
    setText(option, option.value ? `${stateWords[option.value]} (${totals[option.value].toLocaleString("en")})` : "all states");
  }
}

// MARK: What is wrong

function showProblems() {
  const totals = store.totals();
  showFilter(totals.states);
  const problems = [
    ...(silentSince ? [{ text: silence(silentSince), state: "DOWN" }] : []),
    ...reasons.map((text) => ({ text: printable(text, 300), state: "DOWN" })),
    ...troubled(totals.states.DOWN, "DOWN", "down"),
    ...troubled(totals.states.OUT_OF_SERVICE, "OUT_OF_SERVICE", "out of service"),
    ...virtualIPs.problems.map((text) => ({ text, state: "DOWN" })),
    ...jobServers.problems.map((text) => ({ text, state: "DOWN" })),
    ...troubled(totals.states.DEGRADED, "DEGRADED", "degraded"),
  ];
  const entries = problems.map(({ text, state, filter }) =>
    element(
      "li", { "data-state": state },
      filter ? element("button", { type: "button", click: () => choose(filter) }, text) : text));
  if (entries.length === 0 && isLoaded) {
    const suspended = totals.states.SUSPENDED > 0 ? `, ${totals.states.SUSPENDED.toLocaleString("en")} suspended` : "";
    const up = `${count(totals.states.UP, "load balancer")} up${suspended}, ${count(totals.nodes, "node")}`;
    entries.push(element("li", { "data-state": "UP" }, `Nothing is wrong: ${up}`));
  }
  const list = find("#problems");
  if (list.textContent === entries.map((entry) => entry.textContent).join("")) return;
  // A button that has the focus is not taken away from under it.
  const place = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...entries);
  if (place >= 0) list.querySelectorAll("button")[place]?.focus();
  announce(entries[0]?.textContent ?? "");
  const worst = problems.filter(({ state }) => state === "DOWN").length;
  document.title = `${worst > 0 ? `(${worst}) ` : ""}${find("#worker").textContent}`;
}

function troubled(number, state, word) {
  return number > 0 ? [{ text: `${count(number, "load balancer")} ${word}`, state, filter: state }] : [];
}

let announced = 0;
let announcing = null;

/** Has a screen reader say what is wrong, but not more than once in five seconds. */
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    announced = Date.now();
    setText(find("#announcement"), text);
  }, Math.max(0, announced + 5000 - Date.now()));
}

function choose(state) {
  find("#filter").value = state;
  find("#search").value = "";
  showList();
  find("#list").focus();
}

let forgetting = null;

/** Says what became of something that somebody did. What went well need not stand there for ever. */
function tell(sentence, isGood) {
  const outcome = find("#outcome");
  clearTimeout(forgetting);
  if (isGood) forgetting = setTimeout(() => setText(outcome, ""), 15_000);
  setText(outcome, sentence);
  setAttribute(outcome, "data-state", isGood ? "UP" : "DOWN");
}

/** Says that something could not be read. */
function fail(error) {
  if (error instanceof Problem && error.status === 401) return;
  if (error instanceof Problem) tell(`The load balancers cannot be read: ${printable(error.message, 300)}`, false);
}

// MARK: What happens

function take({ id, type, data }) {
  events.add({ id, type, data: { time: new Date().toISOString(), ...data } });
  switch (type) {
    case "change":
      if (data.count > data.load_balancers.length) store.reload();
      else store.refresh(data.load_balancers.map((loadBalancer) => loadBalancer.id));
      break;
    case "health":
    case "service":
      store.refresh([data.load_balancer]);
      break;
    case "repair":
      if (data.count > data.load_balancers.length) store.reload();
      else store.refresh(data.load_balancers);
      break;
    case "virtual_ip":
      readVirtualIPs();
      break;
    case "job_server":
      readStatus();
      break;
    case "lost":
      readAll();
      break;
  }
}

function showConnection(state) {
  const mustRead = silentSince !== null || !isLoaded;
  silentSince = state === "live" ? null : (silentSince ?? new Date().toISOString());
  const target = find("#connection");
  setText(target, state === "live" ? "live" : "reconnecting");
  setAttribute(target, "data-state", state);
  showProblems();
  if (state === "live" && mustRead) readAll();
}

// MARK: Reading

/** Reads everything again. */
async function readAll() {
  await Promise.all([readStatus(), readReadiness(), readVirtualIPs(), store.reload()]);
}

/** Reads why the worker cannot do its work; it can where there are no reasons. */
async function readReadiness() {
  try {
    reasons = (await (await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(20_000) })).json()).reasons ?? [];
    showProblems();
  } catch {
    // The connection tells of it.
  }
}

/** Reads what the worker says of itself. Answers whether it did. */
async function readStatus() {
  try {
    const status = await session.json("/v1/status");
    setText(find("#worker"), printable(status.function, 100));
    setText(find("#version"), printable(`${status.driver} · lbaas-worker ${status.version}`));
    const may = status.role === "viewer" ? ", read only" : "";
    setText(find("#principal"), status.principal ? printable(`${status.principal} (${status.role}${may})`, 100) : "");
    detail.mayChange = status.role === "operator" || status.role === "admin";
    jobServers.show(status.job_servers);
    showProblems();
    return status;
  } catch (error) {
    if (error instanceof Problem && error.status !== 401) tell(printable(error.message, 300), false);
    return null;
  }
}

async function readVirtualIPs() {
  try {
    virtualIPs.show((await session.json("/ips")).ips);
    showProblems();
  } catch {
    // The worker has none, or the connection tells of it.
  }
}

/** Shows what happened before the page was opened. */
async function readJournal(revision) {
  try {
    const { journal } = await session.json(`/v1/journal?after=${Math.max(0, revision - 50)}&limit=50`);
    for (const entry of journal) events.add({ id: String(entry.revision), type: "change", data: entry });
  } catch {
    // A worker may have no journal.
  }
}

// MARK: In and out

async function enter() {
  const status = await readStatus();
  if (status === null) return;
  find("#login").hidden = true;
  find("#content").hidden = false;
  find("#sign-out").hidden = !session.hasToken;
  await readJournal(status.revision);
  // What is read once the stream is there misses nothing. Without the stream it is shown all the same.
  feed.start();
  setTimeout(() => isLoaded || readAll(), 2000);
}

function leave() {
  feed.stop();
  store.clear();
  events.clear();
  isLoaded = false;
  find("#content").hidden = true;
  find("#sign-out").hidden = true;
  find("#login").hidden = false;
  setText(find("#principal"), "");
  setText(find("#connection"), "signed out");
  setAttribute(find("#connection"), "data-state", "connecting");
  find("#token").focus();
}

/** Opens a load balancer, or closes the one that is open; the address of the page says which one is. */
function go(id) {
  const wasOpen = detail.id;
  history.replaceState(null, "", id === null ? location.pathname : `#${encodeURIComponent(id)}`);
  if (id === null) {
    detail.close();
    table.open = null;
    if (wasOpen !== null) find("#list").focus({ preventScroll: true });
    return;
  }
  detail.open(store.get(id));
  table.open = id;
}

/** Opens the load balancer of the address. */
function route() {
  let id = null;
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  if (id && store.get(id)) go(id);
}

session.addEventListener("signed-in", enter);
session.addEventListener("signed-out", leave);
window.addEventListener("hashchange", route);
find("#sign-out").addEventListener("click", () => session.signOut());
find("#search").addEventListener("input", showList);
find("#filter").addEventListener("change", showList);
find("#search").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  find("#list").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea") || find("dialog").open) return;
  event.preventDefault();
  find("#search").select();
});
find("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = find("#token");
  setText(find("#login-error"), "");
  try {
    await session.signIn(field.value.trim());
    field.value = "";
  } catch (error) {
    const isUnknown = error instanceof Problem && error.status === 401;
    setText(find("#login-error"), isUnknown ? "The worker does not know this token." : `The worker does not answer: ${error.message}`);
    field.select();
  }
});
// Times that say how long ago something was go on.
setInterval(() => silentSince && showProblems(), 5000);
// Nothing tells of an appliance that does not answer.
setInterval(() => isLoaded && !silentSince && document.visibilityState === "visible" && readReadiness(), 15_000);

session.askOtherTabs();
await enter();
