// Text and elements. Ids, names and reasons come from others and may have any character: they are only ever put in as text.

/** Characters that are not seen, or that change how others are: controls, zero-width characters, and those that turn the direction. */
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

/** Text with all that is not seen as its number, such as `‹202E›`, and cut where it is long. */
export function printable(text, longest = Infinity) {
  const whole = String(text ?? "");
  const cut = whole.length > longest ? whole.slice(0, longest) + "…" : whole;
  return cut.replace(unseen, (character) => `‹${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/**
 * An element.
 *
 * @param attributes attributes by their names; a function is a listener, and false or null leaves one out
 * @param children elements, and text
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Text of others, which does not change the direction of what stands around it. */
export function foreign(text, longest) {
  const made = element("bdi");
  setText(made, printable(text, longest));
  return made;
}

/** Sets the text of an element, where it is another one. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute, where it has another value. */
export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** How long ago a time was, in one unit: `5 min`. */
export function age(time, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A time of today as `12:03:11`, another one with its date, in the time zone of the browser. */
export function clock(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return printable(time);
  const two = (number) => String(number).padStart(2, "0");
  const hours = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date().toDateString()) return hours;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${hours}`;
}

/** A number with its noun: `1 node`, `2 nodes`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** A rate as `1.2 MB/s`. */
export function rate(bytes) {
  let [value, unit] = [bytes, 0];
  const units = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
