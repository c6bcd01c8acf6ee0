// The form of a patient: made from the facts that the guideline declares, and read as a record.

import { coursesControl } from "./courses.js";
import { element, fresh } from "./dom.js";
import { booleanControl, choiceControl, field, jsonControl, listControl, numberControl } from "./fields.js";
import { ONE_OF, origin, say } from "./words.js";

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
      this.fields.set(fact.name, field(fact.name, words.question(fact), control, this.hints(fact)));
    }
    const sets = jsonControl({ label: say("page_one_of") }, () => this.entered(ONE_OF, changed));
    this.fields.set(ONE_OF, field(ONE_OF, say("page_one_of"), sets, [say("page_one_of_hint")]));
    const courses = guideline.facts.filter(({ kind }) => kind === "courses").map(({ name }) => name);
    const order = [...courses, ...[...this.fields.keys()].filter((name) => !courses.includes(name))];
    node.replaceChildren(
      ...order.map((name) => this.fields.get(name).node),
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
    return fact.default === null ? [] : [say("page_default", this.words.value(fact.name, fact.default))];
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

  /** Give the record as it stands; what is unknown is not in it, but null where a default would stand for it. */
  record() {
    const record = { id: this.id.value.trim() || UNNAMED };
    for (const [name, { control }] of this.fields) {
      const value = control.get();
      if (value !== undefined) record[name] = value;
    }
    return record;
  }

  /** Fill in a record; gives a sentence for each part of it that the form cannot hold and leaves unknown. */
  fill(record) {
    const left = [];
    this.id.value = typeof record.id === "string" && record.id.trim() ? record.id : UNNAMED;
    for (const [key, value] of Object.entries(record)) {
      if (key !== "id" && !this.fields.has(key)) left.push(say("page_unknown_fact", key));
    }
    for (const [name, own] of this.fields) {
      const given = Object.hasOwn(record, name) ? record[name] : undefined;
      const value = given === null && !own.control.allows(null) ? undefined : given;
      const fits = own.control.allows(value);
      if (!fits) left.push(say("page_bad_value", name, JSON.stringify(value)));
      own.control.set(fits ? value : undefined);
      own.node.classList.remove("edited");
      own.cite([]);
    }
    this.update();
    return left;
  }

  /** Set some facts, or facts of a course written `fact[0].key`, and leave the others as they are. */
  change(set) {
    for (const [place, value] of Object.entries(set)) {
      const [, name, index, key] = /^(\w+)(?:\[(\d+)\]\.(\w+))?$/.exec(place);
      const { node, control } = this.fields.get(name);
      const own = control.get();
      if (name === ONE_OF) control.set(own.filter(({ label }) => label === value));
      else if (key === undefined) control.set(value);
      else control.set(own.map((course, number) => (number === Number(index) ? { ...course, [key]: value } : course)));
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

  /** Go to a field, or to one of its courses. */
  goTo(name, course) {
    const { node: field, control } = this.fields.get(name);
    const node = (course !== undefined && control.part?.(course - 1)) || field;
    for (const folded of field.querySelectorAll("details:has(textarea)")) folded.open = true;
    node.scrollIntoView({ block: "center" });
    const focused = node === field ? (node.querySelector("input:checked") ?? node.querySelector("input, textarea")) : node;
    (focused ?? node).focus({ preventScroll: true });
  }
}
