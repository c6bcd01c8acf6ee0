// The form of a patient: made from the facts that the guideline declares, and read as a record.

import { coursesControl } from "./courses.js";
import { element, fresh } from "./dom.js";
import { booleanControl, choiceControl, field, listControl, numberControl } from "./fields.js";
import { some } from "./reading.js";
import { setsControl } from "./sets.js";
import { ONE_OF, origin, say } from "./words.js";

const CONTROLS = { boolean: booleanControl, choice: choiceControl, list: listControl, number: numberControl };
const UNNAMED = "patient";
const PLACE = new RegExp(`^(?:${ONE_OF}\\[(\\d+)\\]\\.)?(\\w+)(?:\\[(\\d+)\\])?(?:\\.(\\w+))?(?:\\[(\\w+)\\])?$`);

export class Form {
  constructor(node, guideline, words, changed, announce) {
    this.words = words;
    this.changed = changed;
    this.read = null;
    this.id = element("input", { type: "text", id: fresh("id"), value: UNNAMED, spellcheck: false, oninput: changed });
    this.fields = new Map();
    for (const fact of guideline.facts) {
      const control =
        fact.kind === "courses"
          ? coursesControl(fact, guideline.course, () => this.entered(fact.name, changed), announce)
          : CONTROLS[fact.kind](fact, () => this.entered(fact.name, changed));
      this.fields.set(fact.name, this.fieldOf(fact.name, fact.question, control, this.hints(fact)));
    }
    const sets = setsControl(
      { label: say("page_one_of") },
      () => this.entered(ONE_OF, changed),
      (set) => this.choose(set),
      (set) => this.setWords(set),
    );
    this.fields.set(ONE_OF, this.fieldOf(ONE_OF, say("page_one_of"), sets, [say("page_one_of_hint")]));
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

  fieldOf(name, question, control, hints) {
    return field(name, question, control, hints, () => this.takeBack(name));
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
    const found = new Map(this.corrections().map(({ name, words }) => [name, words]));
    if (this.read) for (const [name, { correct }] of this.fields) correct(found.get(name) ?? "");
  }

  /** Enter the facts of a set that is chosen, and take those of the last one back; gives whether the form can hold them. */
  choose(set) {
    const facts = (own) => Object.entries(own ?? {}).filter(([name]) => name !== "label");
    const held = (value) => (value === null ? undefined : value);
    if (!facts(set).every(([name, value]) => this.fields.get(name)?.control.allows(held(value)))) return false;
    for (const [name] of facts(this.chosen)) this.fields.get(name).control.set(undefined);
    for (const [name, value] of facts(set)) this.fields.get(name).control.set(held(value));
    this.chosen = set;
    return true;
  }

  /** List the facts that a person entered otherwise than they were read of a chart, with words for it. */
  corrections() {
    if (!this.read) return [];
    const found = [];
    const { label, ...implied } = this.chosen ?? {};
    if (label !== undefined) found.push({ name: ONE_OF, words: say("page_chosen_set", label) });
    for (const [name, { control }] of this.fields) {
      const [value, read] = [control.get(), name in implied ? implied[name] : this.read.get(name)];
      if ((name === ONE_OF && label !== undefined) || same(value, read)) continue;
      const words = name === ONE_OF ? say("page_own_sets") : this.words.corrected(name, value, read);
      found.push({ name, words });
    }
    return found;
  }

  /** Take back what a person entered: what was read stands again. */
  takeBack(name) {
    const { node, control } = this.fields.get(name);
    const value = name !== ONE_OF && this.chosen && name in this.chosen ? this.chosen[name] : this.read.get(name);
    control.set(value === null && !control.allows(null) ? undefined : value);
    this.update();
    node.focus();
    this.changed();
  }

  /** Enter a therapy under a fact, beside what is entered: as a course, or its drugs as members of a list. */
  enter(name, course) {
    const { control } = this.fields.get(name);
    const own = control.get() ?? [];
    const courses = this.words.facts.get(name).kind === "courses";
    control.set(courses ? [...own, course] : [...new Set([...own, ...course.drugs])]);
    this.entered(name, this.changed);
    this.goTo(name, courses ? own.length + 1 : undefined);
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

  /**
   * Fill in a record, with where it was read if that was a chart; gives a sentence for each part of it that the form cannot
   * hold and leaves unknown.
   */
  fill(record, sources = null) {
    const left = [];
    this.read = this.chosen = null;
    this.id.value = typeof record.id === "string" && record.id.trim() ? record.id : UNNAMED;
    for (const [key, value] of Object.entries(record)) {
      if (key === "id" || this.fields.has(key)) continue;
      const meant = nearest(key, [...this.fields.keys()]);
      left.push(meant ? say("page_unknown_fact_meant", key, meant) : say("page_unknown_fact", key));
    }
    for (const [name, own] of this.fields) {
      const given = Object.hasOwn(record, name) ? record[name] : undefined;
      const value = given === null && !own.control.allows(null) ? undefined : given;
      const fits = own.control.allows(value);
      if (!fits) left.push(this.unfit(name, value));
      own.control.set(fits ? value : undefined);
      own.correct("");
      own.cite([]);
    }
    if (sources) {
      this.read = new Map([...this.fields].map(([name, { control }]) => [name, control.get()]));
      this.cite(sources);
    }
    this.update();
    return left;
  }

  /** Say that a value is none of a fact, with the value where that is one word. */
  unfit(name, value) {
    const label = name === ONE_OF ? say("page_one_of") : this.words.label("fact", name);
    if (typeof value === "object") return say("page_unusable_value", label);
    const meant = nearest(String(value), this.words.facts.get(name)?.values.map((own) => own.name) ?? []);
    const shown = JSON.stringify(value);
    return meant ? say("page_bad_value_meant", label, shown, meant) : say("page_bad_value", label, shown);
  }

  /** Word what a set of facts says. */
  setWords({ label: _, ...facts }) {
    const told = Object.entries(facts).map(([name, value]) =>
      say("value", this.words.label("fact", name), this.words.value(name, value)),
    );
    return told.join(say("and"));
  }

  /** Set some facts, or facts of a course written `fact[0].key`, and leave the others as they are. */
  change(set) {
    for (const [place, value] of Object.entries(set)) {
      const [, name, index, key] = /^(\w+)(?:\[(\d+)\]\.(\w+))?$/.exec(place);
      const { node, control } = this.fields.get(name);
      const own = control.get();
      if (name === ONE_OF) control.choose(value);
      else if (key === undefined) control.set(value);
      else control.set(own.map((course, number) => (number === Number(index) ? { ...course, [key]: value } : course)));
      node.classList.add("edited");
    }
    this.update();
  }

  /** Show beside each field where it was read. */
  cite(sources) {
    const read = new Map();
    for (const source of sources) {
      if (!read.has(source.fact)) read.set(source.fact, []);
      read.get(source.fact).push(origin(source));
    }
    const lines = new Map();
    for (const [fact, origins] of read) {
      const [, set, name, index, key, member] = PLACE.exec(fact);
      const part = member ? this.words.member(name, member) : key && (this.words.courseFacts.get(key)?.label ?? key);
      const about = set === undefined ? part : [this.words.label("fact", name), part].filter(Boolean).join(say("comma"));
      const place = set !== undefined ? ONE_OF : index === undefined ? name : `${name} ${index}`;
      lines.set(place, [...(lines.get(place) ?? []), `${about ? `${about}: ` : ""}${some(origins)}`]);
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

  /** Give the first course whose drugs are not entered yet, as {fact, course}; null where there is none. */
  unfinished() {
    for (const [fact, { control }] of this.fields) {
      const course = control.lacking?.();
      if (course) return { fact, course };
    }
    return null;
  }

  /** Mark the fields whose facts can change the answer. */
  matter(names) {
    for (const [name, { matter }] of this.fields) matter(names.has(name));
  }

  /** Go to a field, or to one of its courses. */
  goTo(name, course) {
    const { node: field, control } = this.fields.get(name);
    const node = (course !== undefined && control.part?.(course - 1)) || field;
    const chosen = node.querySelector("input:checked");
    for (const folded of chosen ? [] : field.querySelectorAll("details:has(textarea)")) folded.open = true;
    node.scrollIntoView({ block: "center" });
    const focused = node === field ? (chosen ?? node.querySelector("input, textarea")) : node;
    (focused ?? node).focus({ preventScroll: true });
  }
}

/** Give the word that another one was probably meant to be: of those that differ in at most a third of its letters the nearest. */
function nearest(word, known) {
  const far = Math.max(1, Math.floor(word.length / 3)) + 1;
  const ranked = known.map((own) => [distance(word.toLowerCase(), own), own]).sort(([one], [other]) => one - other);
  return ranked.length && ranked[0][0] < far ? ranked[0][1] : null;
}

/** Count the letters by which two words differ. */
function distance(one, other) {
  let row = [...Array(other.length + 1).keys()];
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1);
}

/** Tell whether two values of a fact are the same; what is not there is unknown. */
function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}
