// The events of the worker: one connection for all tabs of a browser.
//
// The tab that has the lock reads the stream and hands the events on. When it goes away, the browser gives the lock to another tab, which
// goes on behind the last event that it has got. A tab that hears nothing for some time takes the lock: the system may have stopped the other.

const lockName = "lbaas-events";
/** The worker sends something each 15 seconds at least. */
const longestSilence = 40_000;
const longestWait = 10_000;

/** Calls `onEvent` with `{id, type, data}`, and `onState` with `live` or `lost`, whenever it changes. */
export class Feed {
  #session;
  #onEvent;
  #onState;
  #channel = new BroadcastChannel("lbaas-events");
  #lastID = null;
  #heard = Date.now();
  #told = 0;
  #state = null;
  #isRunning = false;
  #isLeading = false;
  #reading = null;
  #waiting = null;

  constructor(session, { onEvent, onState }) {
    this.#session = session;
    this.#onEvent = onEvent;
    this.#onState = onState;
    this.#channel.onmessage = ({ data }) => {
      if (data.ask && this.#isLeading) this.#channel.postMessage({ state: this.#state });
      if (data.ask || !this.#isRunning || this.#isLeading) return;
      this.#heard = Date.now();
      if (data.event) this.#deliver(data.event);
      this.#setState(data.state);
    };
    setInterval(() => this.#watch(), 5000);
  }

  /** Whether this tab reads the stream. */
  get isLeading() {
    return this.#isLeading;
  }

  /** Begins with the next event. */
  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#heard = Date.now();
    this.#channel.postMessage({ ask: true });
    this.#lead();
  }

  /** Stops for this tab. */
  stop() {
    this.#isRunning = false;
    this.#lastID = null;
    this.#state = null;
    this.#waiting?.abort();
    this.#reading?.abort();
  }

  #watch() {
    if (!this.#isRunning || Date.now() - this.#heard < longestSilence) return;
    if (this.#isLeading) this.#reading?.abort();
    else if (document.visibilityState === "visible") this.#lead(true);
    this.#heard = Date.now();
    this.#setState("lost");
  }

  /** Waits for the lock, or takes it away, and reads as long as this tab has it. */
  async #lead(steal = false) {
    // Without locks, as on a page that is not secure, each tab reads for itself.
    if (!navigator.locks) return this.#readAll();
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    try {
      await navigator.locks.request(lockName, steal ? { steal } : { signal: waiting.signal }, () => this.#readAll());
    } catch {
      if (waiting.signal.aborted) return;
      // Another tab has taken it.
      this.#isLeading = false;
      this.#reading?.abort();
      if (this.#isRunning) this.#lead();
    }
  }

  /** Reads until it is stopped, or the lock is taken away. */
  async #readAll() {
    this.#isLeading = true;
    let wait = 250;
    while (this.#isRunning && this.#isLeading) {
      try {
        await this.#read(() => (wait = 250));
      } catch (error) {
        if (error.status === 401 || error.status === 403) break;
      }
      if (!this.#isRunning || !this.#isLeading) break;
      this.#tell("lost");
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
      wait = Math.min(2 * wait, longestWait);
    }
    this.#isLeading = false;
  }

  async #read(onAnswer) {
    const reading = new AbortController();
    this.#reading = reading;
    const headers = { Accept: "text/event-stream" };
    if (this.#lastID !== null) headers["Last-Event-ID"] = String(this.#lastID);
    this.#heard = Date.now();
    const response = await this.#session.fetch("/v1/events", { headers, signal: reading.signal });
    onAnswer();
    this.#tell("live");
    for await (const event of events(response.body)) {
      if (!this.#isLeading || !this.#isRunning) return;
      this.#heard = Date.now();
      if (event) this.#tell("live", event);
      else if (this.#heard - this.#told > 5000) this.#tell("live");
    }
  }

  #tell(state, event) {
    this.#told = Date.now();
    this.#channel.postMessage({ state, event });
    if (event) this.#deliver(event);
    this.#setState(state);
  }

  #deliver(event) {
    if (event.id !== null) this.#lastID = event.id;
    this.#onEvent(event);
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

/** The events of a stream as the standard has them; null for each piece without one. */
async function* events(body) {
  let rest = "";
  let event = { id: null, type: "message", data: [] };
  for await (const piece of pieces(body)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    let isSilent = true;
    for (const line of lines) {
      if (line === "") {
        if (event.data.length > 0) {
          yield { id: event.id, type: event.type, data: parsed(event.data.join("\n")) };
          isSilent = false;
        }
        event = { id: null, type: "message", data: [] };
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (field === "id") event.id = value;
      if (field === "event") event.type = value;
      if (field === "data") event.data.push(value);
    }
    if (isSilent) yield null;
  }
}

/** The text of a body, piece by piece. Not all browsers can walk over a stream itself. */
export async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
