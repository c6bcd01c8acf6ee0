// The words of the page: those of the wording file, which stand in the page itself, and the guideline's names.

export const ONE_OF = "one_of";
export const ANY = "any";

const held = (id) => JSON.parse(document.getElementById(id).textContent);
const WORDING = held("wording");
const SYSTEMS = held("systems");

/** Give the text of a key with `words` in its places {1}, {2} and so on. */
export function say(key, ...words) {
  return WORDING[key].replaceAll(/\{(\d+)\}/g, (_, place) => words[place - 1]);
}

export class Words {
  constructor(guideline) {
    this.labels = guideline.labels;
    this.facts = new Map(guideline.facts.map((fact) => [fact.name, fact]));
    this.courseFacts = new Map(guideline.course.facts.map((fact) => [fact.name, fact]));
    this.readings = new Map(guideline.readings.map((reading) => [reading.name, reading]));
  }

  label(kind, name) {
    return this.labels[kind]?.[name] ?? String(name).replaceAll("_", " ");
  }

  /** Name something that an answer decides: the setting, a regimen, an action or a score. */
  decided(name) {
    if (name === "setting") return say("the_setting");
    const { regimen, action_name: action, score } = this.labels;
    return regimen?.[name] ?? action?.[name] ?? score?.[name] ?? this.label("action", name);
  }

  /** Word a score: its value, and what makes it up. */
  score({ score, value, at_most: greatest, parts, possible_parts: possible }) {
    const words = say("labelled", this.label("score", score), value === greatest ? value : say("from_to_number", value, greatest));
    const counted = (part) => say("counted", part.words, part.points);
    const named = [...parts.map(counted), ...possible.map((part) => say("perhaps_counted", counted(part)))];
    return named.length ? say("score_made_up_of", words, named.join(say("comma"))) : words;
  }

  /** Word a fact, a member of a list, or what can be unknown of a course. */
  fact({ fact, has, course, key }) {
    if (fact === ONE_OF) return say("which_of_several");
    if (course !== undefined)
      return key === undefined
        ? say("how_course_ended", course)
        : say("of_course", this.label("course_fact", key), course);
    const label = this.label("fact", fact);
    if (has !== undefined) return say("member", this.member(fact, has), label);
    return this.facts.get(fact)?.kind === "courses" ? say("which_given", label) : label;
  }

  /** Word that a fact of a course has a value, without the course. */
  courseFact(key, value) {
    const label = this.label("course_fact", key);
    if (value === true) return label;
    return value === false ? say("without", label) : say("value", label, this.value(key, value));
  }

  member(fact, name) {
    return (
      this.facts.get(fact)?.values.find((value) => value.name === name)?.label ??
      this.labels.drug?.[name] ??
      this.label("value", name)
    );
  }

  /** Word a value of a fact in a few words that stand alone, such as "no heart failure", or an alternative of a reading. */
  assumption({ reading, fact, has, course, key, value }) {
    if (reading) return say("reading_taken", reading, value);
    if (fact === ONE_OF) return say("set_true", value);
    if (course !== undefined) return this.ofCourse([{ course, key, value }]);
    const about = has === undefined ? this.label("fact", fact) : this.fact({ fact, has });
    if (Array.isArray(value) && !value.length)
      return this.facts.get(fact)?.kind === "courses" ? say("none_given", about) : say("without", about);
    if (value === true) return about;
    if (value === false) return say("without", about);
    return say("value", about, this.value(fact, value));
  }

  /** Word what is assumed of one course. */
  ofCourse(assuming) {
    const own = assuming.map(({ key, value }) =>
      key === undefined ? this.label("outcome", value) : this.courseFact(key, value),
    );
    return say("course_numbered", assuming[0].course, own.join(say("comma")));
  }

  /** Word a value: true, a choice, "<=12", a list of drugs, courses. */
  value(fact, value) {
    if (value === true) return say("yes");
    if (value === false) return say("no");
    if (value === null || value === undefined) return say("page_unknown");
    if (Array.isArray(value)) {
      return value.length
        ? value
            .map((entry) => this.value(fact, entry))
            .join(this.facts.get(fact)?.kind === "courses" ? say("and") : say("comma"))
        : say("none");
    }
    if (typeof value === "object") {
      const drugs = (value.drugs ?? []).map((drug) => this.label("drug", drug)).join(" + ");
      return [drugs, value.outcome ? this.label("outcome", value.outcome) : say("outcome_unknown")].join(say("comma"));
    }
    if (/^[<>]/.test(value)) return value.split(",").map(bound).join(say("and_condition"));
    return this.facts.get(fact)?.kind === "number" ? String(value) : this.member(fact, value);
  }

  /** Word a place in the record, such as `fact[0].key`. */
  place(path) {
    const [, name, index, key] = /^(\w+)(?:\[(\d+)\])?(?:\.(\w+))?/.exec(path);
    if (name === ONE_OF) return say("which_of_several");
    if (index === undefined) return this.label("fact", name);
    if (key === undefined) return say("page_course", Number(index) + 1);
    if (key === "drugs") return say("course_numbered", Number(index) + 1, say("page_drugs"));
    return this.fact({ fact: name, course: Number(index) + 1, key: key === "outcome" ? undefined : key });
  }

  /** Put words for the places of the record and the names in a message of the service. */
  readable(text) {
    const kinds = Object.values(this.labels);
    const known = (name) => this.facts.has(name) || name === ONE_OF;
    return text
      .replaceAll(/\b(\w+)\[\d+\](?:\.\w+)?(?:\[\w+\])?/g, (path, name) => (known(name) ? this.place(path) : path))
      .replace(/^\w+(?=:)/, (name) => (known(name) ? this.place(name) : name))
      .replaceAll(/\b\w+_\w+\b/g, (name) => kinds.find((own) => Object.hasOwn(own, name))?.[name] ?? name);
  }

  /** Name the fact that a remark begins with by its label. */
  labelled(text) {
    return text.replace(/^\w+(?=:)/, (name) => (this.facts.has(name) ? this.label("fact", name) : name));
  }

  /** Word what a person entered of a fact, and what the chart says of it; of courses, those that differ. */
  corrected(fact, value, read) {
    if (this.facts.get(fact)?.kind !== "courses" || !Array.isArray(value) || !Array.isArray(read))
      return say("page_correction", this.label("fact", fact), this.value(fact, value), this.value(fact, read));
    const words = (own) => (own === undefined ? say("none") : this.value(fact, [own]));
    const numbers = [...Array(Math.max(value.length, read.length)).keys()];
    return numbers
      .filter((n) => JSON.stringify(value[n]) !== JSON.stringify(read[n]))
      .map((n) => say("page_correction", say("page_course", n + 1), words(value[n]), words(read[n])))
      .join(say("and"));
  }

  /** Name readings that are taken otherwise than by default, such as "R5=b", and together those left open, such as "R5=any". */
  chosen(readings) {
    const pairs = readings.map((own) => own.split("="));
    const open = pairs.filter(([, alternative]) => alternative === ANY).map(([reading]) => reading);
    const taken = pairs.filter(([, alternative]) => alternative !== ANY).map(([reading, own]) => say("reading_as", reading, own));
    if (!open.length) return taken;
    if (open.length === this.readings.size) return [say("readings_all_open")];
    const named = open.join(say("comma"));
    return [...taken, open.length > 1 ? say("readings_open", named) : say("reading_open", named)];
  }

  /** Give what an alternative of a reading says. */
  alternative(reading, name) {
    return this.readings.get(reading)?.alternatives.find((own) => own.name === name)?.text ?? "";
  }

  /** Say what stands in an answer by default, first what matters. */
  assumed(entries) {
    const mattering = this.defaults(entries.filter(({ matters }) => matters));
    const others = this.defaults(entries.filter(({ matters }) => !matters));
    if (!mattering) return others && say("assumed", others);
    return [say("assumed_and_matters", mattering), others && say("assumed_besides", others)].filter(Boolean).join(" ");
  }

  /** Word values that defaults stand for; those of courses come together. */
  defaults(entries) {
    const parts = entries.filter(({ key }) => key === undefined).map((entry) => this.assumption(entry));
    const courses = new Map();
    for (const { course, key, value } of entries.filter((entry) => entry.key !== undefined)) {
      const words = this.courseFact(key, value);
      courses.set(words, [...(courses.get(words) ?? []), course]);
    }
    const together = new Map();
    for (const [words, numbers] of courses) {
      const key = numbers.join(say("comma"));
      together.set(key, [...(together.get(key) ?? []), words]);
    }
    for (const [numbers, own] of together) {
      const words = own.join(say("comma"));
      parts.push(/\D/.test(numbers) ? say("courses_numbered", numbers, words) : say("course_numbered", numbers, words));
    }
    return parts.join(say("and"));
  }

  assumptions(assuming) {
    const groups = [];
    for (const one of assuming) {
      const last = groups.at(-1);
      if (one.course !== undefined && last?.[0].course === one.course) last.push(one);
      else groups.push([one]);
    }
    return groups.map((own) => (own[1] ? this.ofCourse(own) : this.assumption(own[0]))).join(say("and")) || say("assuming_left_out");
  }
}

/** Word a bound of a number, such as "<=12". */
function bound(text) {
  const [, sign, number] = /^([<>]=?)(.*)$/.exec(text);
  if (sign === "<=") return say("at_most", number);
  if (sign === ">=") return say("at_least", number);
  return sign === "<" ? say("less_than", number) : say("more_than", number);
}

const LONGEST = 120;

/** Replace the characters of a text that show nothing themselves, but change how others are shown. */
export function harmless(text) {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\uFFFD");
}

/** Word where something was read from FHIR: resource, code with its display, and date. */
export function origin({ resource, system, code, display, date }) {
  const coded = [SYSTEMS[system] ?? system?.split("/").filter(Boolean).pop(), code].filter(Boolean).join(" ");
  const parts = [resource, coded, display, date].filter(Boolean);
  return harmless(parts.map((part) => (part.length > LONGEST ? `${part.slice(0, LONGEST)}…` : part)).join(say("comma")));
}
