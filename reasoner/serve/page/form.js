// The form of a patient: made from the facts that the guideline declares, and read as a record.

import { coursesControl } from "./courses.js";
import { element, fresh } from "./dom.js";
import { booleanControl, choiceControl, field, listControl, numberControl } from "./fields.js";
import { origin, say } from "./words.js";

const CONTROLS = { boolean: booleanControl, choice: choiceControl, list: listControl, number: numberControl };
const UNNAMED = "patient";

export class Form {
  constructor(node, guideline, words, changed, announce) {
    this.words = words;
    this.id = element("input", { type: "text", id: fresh("id"), value: UNNAMED, spellcheck: false, oninput: changed });
    this.fields = new Map();
    for (const fact of guideline.facts) {
      const control =
        fact.kind === "courses"
          ? coursesControl(fact, guideline.course, () => this.entered(fact.name, changed), announce)
          : CONTROLS[fact.kind](fact, () => this.entered(fact.name, changed));
      this.fields.set(fact.name, { fact, ...field(fact.name, words.question(fact), control, this.hints(fact)) });
    }
    this.required = guideline.facts.filter((fact) => fact.required);
    const order = [...this.required, ...guideline.facts.filter((fact) => !fact.required)];
    node.replaceChildren(
      ...order.map((fact) => this.fields.get(fact.name).node),
      element(
        "div",
        { className: "row" },
        element("label", { htmlFor: this.id.id, textContent: say("page_record_name") }),
        this.id,
      ),
    );
    node.addEventListener("submit", (event) => event.preventDefault());
    this.update();
  }

  hints(fact) {
    const hints = [];
    if (fact.default !== null) hints.push(say("page_default", this.words.value(fact.name, fact.default)));
    if (fact.required) hints.push(say("page_required"));
    return hints;
  }

  entered(name, changed) {
    const { node } = this.fields.get(name);
    node.classList.add("edited");
    this.update();
    changed();
  }

  update() {
    for (const { update } of this.fields.values()) update();
  }

  /** Give the record as it stands; what is unknown is not in it. */
  record() {
    const record = { id: this.id.value.trim() || UNNAMED };
    for (const [name, { control }] of this.fields) {
      const value = control.get();
      if (value !== undefined) record[name] = value;
    }
    return record;
  }

  /** List the required facts that are unknown. */
  lacking() {
    return this.required.filter((fact) => this.fields.get(fact.name).control.get() === undefined);
  }

  /** Fill in a record; gives a sentence for each part of it that the form cannot hold and leaves unknown. */
  fill(record) {
    const left = [];
    this.id.value = typeof record.id === "string" && record.id.trim() ? record.id : UNNAMED;
    for (const [key, value] of Object.entries(record)) {
      if (key !== "id" && !this.fields.has(key)) left.push(say("page_unknown_fact", key));
    }
    for (const [name, own] of this.fields) {
      const value = Object.hasOwn(record, name) ? (record[name] ?? undefined) : undefined;
      const fits = own.control.allows(value);
      if (!fits) left.push(say("page_bad_value", name, JSON.stringify(value)));
      own.control.set(fits ? value : undefined);
      own.node.classList.remove("edited");
      own.cite([]);
    }
    this.update();
    return left;
  }

  /** Set some facts, and leave the others as they are. */
  change(set) {
    for (const [name, value] of Object.entries(set)) {
      const { node, control } = this.fields.get(name);
      control.set(value);
      node.classList.add("edited");
    }
    this.update();
  }

  /** Show beside each field where it was read. */
  cite(sources) {
    const read = new Map();
    for (const source of sources) read.set(source.fact, [...(read.get(source.fact) ?? []), origin(source)]);
    const lines = new Map();
    for (const [fact, origins] of read) {
      const [, name, index, key, member] = /^(\w+)(?:\[(\d+)\])?(?:\.(\w+))?(?:\[(\w+)\])?$/.exec(fact);
      const about = member ? this.words.member(name, member) : key && (this.words.courseFacts.get(key)?.label ?? key);
      const place = index === undefined ? name : `${name} ${index}`;
      lines.set(place, [...(lines.get(place) ?? []), `${about ? `${about}: ` : ""}${origins.join("; ")}`]);
    }
    for (const [place, own] of lines) {
      const [name, index] = place.split(" ");
      const found = this.fields.get(name);
      if (index === undefined) found?.cite(own);
      else found?.control.cite(Number(index), own);
    }
  }

  /** Show what the service refused at its field; gives whether there is such a field. */
  refuse(path, text) {
    for (const { refuse, control } of this.fields.values()) {
      refuse("");
      control.refuse?.(-1, "");
    }
    const [, name, index] = /^(\w*)(?:\[(\d+)\])?/.exec(path);
    const found = this.fields.get(name);
    if (!found) return false;
    if (index === undefined || !found.control.refuse?.(Number(index), text)) found.refuse(text);
    return true;
  }

  /** Mark the fields whose facts can change the answer. */
  matter(names) {
    for (const [name, { matter }] of this.fields) matter(names.has(name));
  }

  /** Go to a field. */
  goTo(name) {
    const { node } = this.fields.get(name);
    node.scrollIntoView({ block: "center" });
    (node.querySelector("input:checked") ?? node.querySelector("input") ?? node).focus({ preventScroll: true });
  }
}
