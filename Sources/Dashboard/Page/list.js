// A table of any number of rows, of which only those that are seen are elements.

import { setAttribute } from "./text.js";

/**
 * Rows are chosen with the keyboard and opened with Enter or a click.
 *
 * `make` makes the cells of a row and answers what `fill` needs to put an item in; `onOpen` takes an item.
 */
export class VirtualTable {
  #items = [];
  #rows = [];
  #active = 0;
  #openID = null;
  #frame = 0;
  #top = document.createElement("tr");
  #bottom = document.createElement("tr");

  constructor(scroller, table, { make, fill, onOpen, onShow }) {
    Object.assign(this, { scroller, table, make, fill, onOpen, onShow });
    this.body = table.tBodies[0];
    for (const spacer of [this.#top, this.#bottom]) spacer.setAttribute("aria-hidden", "true");
    this.body.append(this.#top, this.#bottom);
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(scroller);
    table.addEventListener("keydown", (event) => this.#press(event));
    table.addEventListener("focus", () => this.draw());
    this.body.addEventListener("click", ({ target }) => {
      const row = this.#rows.find(({ tr }) => tr.contains(target));
      if (row?.item) this.#open(row.place);
    });
  }

  /** The items that are seen now. */
  get shown() {
    return this.#rows.filter((row) => row.item && !row.tr.hidden).map((row) => row.item);
  }

  /** Shows other items. What was chosen stays chosen, where it is still there. */
  set items(items) {
    const chosen = this.#items[this.#active]?.id;
    const place = items.findIndex((item) => item.id === chosen);
    this.#items = items;
    this.#active = Math.max(0, place);
    this.table.setAttribute("aria-rowcount", items.length + 1);
    this.scroller.parentElement.style.setProperty("--rows", items.length);
    this.draw();
  }

  /** Marks the one that is open. */
  set open(id) {
    this.#openID = id;
    this.draw();
  }

  /** Draws with the next frame. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { scrollTop, clientHeight } = this.scroller;
    const height = this.#height();
    const first = Math.max(0, Math.min(Math.floor(scrollTop / height) - 4, this.#items.length));
    const last = Math.min(this.#items.length, Math.ceil((scrollTop + clientHeight) / height) + 4);
    while (this.#rows.length < last - first) this.#add();
    this.#top.style.height = `${first * height}px`;
    this.#bottom.style.height = `${(this.#items.length - last) * height}px`;
    this.#rows.forEach((row, number) => {
      row.place = first + number;
      row.item = this.#items[row.place];
      row.tr.hidden = row.place >= last;
      if (row.tr.hidden) return;
      setAttribute(row.tr, "aria-rowindex", String(row.place + 2));
      setAttribute(row.tr, "aria-selected", String(row.place === this.#active));
      setAttribute(row.tr, "data-open", String(row.item.id === this.#openID));
      this.fill(row.cells, row.item, row.tr);
    });
    const active = this.#rows.find((row) => row.place === this.#active && !row.tr.hidden);
    if (active) setAttribute(this.table, "aria-activedescendant", active.tr.id);
    else this.table.removeAttribute("aria-activedescendant");
    this.onShow?.();
  }

  #add() {
    const tr = document.createElement("tr");
    tr.id = `row-${this.#rows.length}`;
    tr.setAttribute("role", "row");
    this.#rows.push({ tr, cells: this.make(tr), place: -1, item: null });
    this.body.insertBefore(tr, this.#bottom);
  }

  #height() {
    return parseFloat(getComputedStyle(this.table).getPropertyValue("--row")) || 32;
  }

  #press(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.#height()) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in steps) this.#choose(this.#active + steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.#open(this.#active);
    else return;
    event.preventDefault();
  }

  #open(place) {
    if (place < 0 || place >= this.#items.length) return;
    this.#choose(place);
    this.onOpen(this.#items[place]);
  }

  #choose(place) {
    this.#active = Math.max(0, Math.min(place, this.#items.length - 1));
    const height = this.#height();
    const top = this.#active * height;
    const room = this.scroller.clientHeight - this.table.tHead.offsetHeight - height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + room) this.scroller.scrollTop = top - room;
    this.draw();
  }
}
