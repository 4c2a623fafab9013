// Tables, and the words of states.

import { element, foreign } from "/dashboard/text.js";

/**
 * A table whose rows have a cell for each column. A column is a title, or `{title, class}`; a cell is an element, or text of others.
 *
 * @param caption what it lists, for those who do not see it
 */
export function table(caption, columns, rows, empty) {
  if (rows.length === 0) return element("p", { class: "empty" }, empty);
  const titles = columns.map((column) => (typeof column === "string" ? { title: column } : column));
  const head = titles.map(({ title, class: kind }) =>
    element("th", { scope: "col", class: kind }, kind === "actions" ? element("span", { class: "hidden" }, "Actions") : title));
  const body = rows.map((row) => {
    const cells = row.map((cell, place) => {
      const made = element("td", { class: titles[place].class, "data-title": titles[place].title });
      if (cell !== null && cell !== undefined && cell !== "") made.append(...[cell].flat().map((part) => (part instanceof Node ? part : foreign(part, 300))));
      return made;
    });
    return element("tr", {}, ...cells);
  });
  return element("table", {}, element("caption", { class: "hidden" }, caption), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
}

const kinds = {
  ACTIVE: "good", ONLINE: "good", UP: "good", ERROR: "bad", AWAY: "bad", DEGRADED: "warn", UNKNOWN: "warn", DRAINING: "warn",
};

/** A state as a word with a sign. */
export function state(word) {
  const text = String(word ?? "");
  const kind = kinds[text] ?? (text.startsWith("PENDING") ? "busy" : "");
  return element("span", { class: "state", "data-state": kind }, text.toLowerCase().replace("_", " "));
}

/** A button of a row. */
export function button(text, about, click, kind) {
  const made = element("button", { type: "button", click, class: kind }, text);
  // What it is about, for those who only hear it.
  if (about) made.append(element("span", { class: "hidden" }, " ", foreign(about, 80)));
  return made;
}

/** Names and values. */
export function facts(...pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", {}, ...shown.flatMap(([name, value]) => [
    element("dt", {}, name), element("dd", {}, value instanceof Node ? value : foreign(value, 500)),
  ]));
}
