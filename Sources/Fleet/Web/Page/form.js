// Forms, which say what is wrong at the field.

import { element, printable, setText } from "/dashboard/text.js";

let count = 0;

/**
 * A form of fields. A field is `{name, label, type, value, hint, required, min, max, choices}`: `type` is text, password, number, check or select;
 * `choices` are texts, or pairs of a value and a text. Fields of one `group` stand together. `words` are what a refusal may call it.
 */
export class Form {
  /** The element. */
  form;
  #fields = new Map();
  #notice = element("p", { class: "notice", role: "alert", hidden: true });
  #submit;
  #locate;
  #waiting = element("small", { role: "status" });

  /**
   * @param send takes the values by their names, and throws a Problem where the server refuses them
   * @param cancel called where somebody gives up; null for none
   * @param locate takes the path of a field in the request, and answers the name of the field here
   */
  constructor(fields, { action, send, cancel = null, locate = (path) => path.split(".").at(-1) }) {
    this.#locate = locate;
    this.#submit = element("button", { type: "submit", class: "primary" }, action);
    const groups = new Map();
    for (const field of fields) {
      const group = field.group ?? "";
      if (!groups.has(group)) groups.set(group, element("div", { class: "fields" }));
      groups.get(group).append(this.#make(field));
    }
    const parts = [...groups].map(([title, part]) => (title ? element("fieldset", {}, element("legend", {}, title), part) : part));
    const back = cancel ? element("button", { type: "button", click: cancel }, "Cancel") : null;
    this.form = element("form", { novalidate: true, submit: (event) => this.#send(event, send) }, this.#notice, ...parts,
      element("div", { class: "buttons" }, this.#submit, back, this.#waiting));
  }

  /** Puts the cursor into the first field. */
  focus() {
    this.form.querySelector("input, select")?.focus();
  }

  #make(field) {
    const id = `field-${(count += 1)}`;
    const described = `${id}-fault${field.hint ? ` ${id}-hint` : ""}`;
    const common = { id, name: field.name, "aria-describedby": described, required: field.required };
    let input;
    if (field.type === "select") {
      const options = field.choices.map((choice) => {
        const [value, text] = Array.isArray(choice) ? choice : [choice, choice];
        return element("option", { value, selected: value === field.value }, printable(text, 80));
      });
      input = element("select", common, ...options);
    } else if (field.type === "check") {
      input = element("input", { ...common, type: "checkbox", checked: field.value });
    } else {
      const type = field.type === "password" ? "password" : "text";
      input = element("input", {
        ...common, type, inputmode: field.type === "number" ? "numeric" : null, spellcheck: "false",
        autocomplete: field.autocomplete ?? "off", placeholder: field.placeholder,
      });
      input.value = field.value ?? "";
    }
    const fault = element("p", { class: "fault", id: `${id}-fault` });
    const hint = field.hint ? element("p", { class: "hint", id: `${id}-hint` }, field.hint) : null;
    this.#fields.set(field.name, { field, input, fault });
    input.addEventListener("input", () => this.#mark(field.name, ""));
    const label = element("label", { for: id }, field.label);
    const isCheck = field.type === "check";
    return element("div", { class: isCheck ? "field check" : "field" }, ...(isCheck ? [input, label] : [label, input]), hint, fault);
  }

  #mark(name, text) {
    const { input, fault } = this.#fields.get(name);
    setText(fault, text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  /** What is wrong with a value, before the server is asked. */
  #check({ field, input }) {
    const text = field.type === "check" ? "" : input.value.trim();
    if (field.required && text === "") return `${field.label} is missing.`;
    if (field.type !== "number" || text === "") return "";
    const isNumber = /^\d+$/.test(text) && Number(text) >= field.min && Number(text) <= field.max;
    return isNumber ? "" : `${printable(text, 20)} is not a whole number from ${field.min} to ${field.max}.`;
  }

  /** The values by their names, without those that are empty. */
  get values() {
    const values = {};
    for (const [name, { field, input }] of this.#fields) {
      if (field.type === "check") values[name] = input.checked;
      // Blanks are a part of a password, and may be one of a name.
      else if (field.type === "password") values[name] = input.value;
      else if (field.type === "number") values[name] = input.value.trim() === "" ? undefined : Number(input.value.trim());
      else if (input.value.trim() !== "" || field.mayBeEmpty) values[name] = input.value;
    }
    return values;
  }

  async #send(event, send) {
    event.preventDefault();
    this.#notice.hidden = true;
    let first = null;
    for (const [name, entry] of this.#fields) {
      const fault = this.#check(entry);
      this.#mark(name, fault);
      if (fault) first ??= entry.input;
    }
    if (first) return first.focus();
    this.#submit.disabled = true;
    const slow = setTimeout(() => setText(this.#waiting, "Waiting for the workers…"), 500);
    try {
      await send(this.values);
    } catch (error) {
      this.#show(error);
    } finally {
      clearTimeout(slow);
      setText(this.#waiting, "");
      this.#submit.disabled = false;
    }
  }

  /** Says what the server refuses: at the field where it names one, or uses its name in the sentence; otherwise above all. */
  #show(error) {
    const isTold = error.status || error.constructor === Error;
    const words = printable(isTold ? error.message : "The server did not answer; whether it was done is not known.", 600);
    const names = [...this.#fields.keys()];
    // Of several names in a sentence the longest says most: protocol_port, and not protocol.
    const longest = (name) => {
      const words = [name.split(".").at(-1), ...(this.#fields.get(name).field.words ?? [])];
      return Math.max(0, ...words.filter((word) => new RegExp(`\\b${word}\\b`).test(error.message)).map((word) => word.length));
    };
    const meant = names.map((name) => [name, longest(name)]).sort((one, other) => other[1] - one[1])[0];
    const place = error.field ? this.#locate(error.field) : null;
    const found = names.includes(place) ? place : meant?.[1] > 0 ? meant[0] : null;
    if (found) {
      this.#mark(found, words);
      this.#fields.get(found).input.focus();
      return;
    }
    setText(this.#notice, words);
    this.#notice.hidden = false;
  }
}

const dialog = () => document.querySelector("#dialog");

/** Shows something in a dialog. Answers when it is closed. */
export function show(title, ...content) {
  setText(document.querySelector("#dialog-title"), title);
  document.querySelector("#dialog-body").replaceChildren(...content);
  dialog().showModal();
  return new Promise((resolve) => dialog().addEventListener("close", resolve, { once: true }));
}

/** Shows a form in a dialog, which is closed when the server has taken it. */
export async function ask(title, fields, { action, send, locate }) {
  const form = new Form(fields, {
    action, locate,
    cancel: () => dialog().close(),
    send: async (values) => {
      await send(values);
      dialog().close();
    },
  });
  const closed = show(title, form.form);
  form.focus();
  await closed;
}

/** Asks whether to do something, and does it. */
export async function confirm(title, text, { action, send }) {
  const form = new Form([], {
    action,
    cancel: () => dialog().close(),
    send: async () => {
      await send();
      dialog().close();
    },
  });
  const closed = show(title, element("p", {}, text), form.form);
  form.form.querySelector("button[type=button]").focus();
  await closed;
}
