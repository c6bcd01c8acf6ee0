// The words of the page: those of the wording file, which stand in the page itself, and the guideline's names.

const WORDING = JSON.parse(document.getElementById("wording").textContent);

/** Give the text of a key with `words` in its places {1}, {2} and so on. */
export function say(key, ...words) {
  return WORDING[key].replaceAll(/\{(\d+)\}/g, (_, place) => words[place - 1]);
}

export class Words {
  constructor(guideline) {
    this.labels = guideline.labels;
    this.facts = new Map(guideline.facts.map((fact) => [fact.name, fact]));
    this.courseFacts = new Map(guideline.course.facts.map((fact) => [fact.name, fact]));
  }

  label(kind, name) {
    return this.labels[kind]?.[name] ?? String(name).replaceAll("_", " ");
  }

  /** Name something that an answer decides: the setting, a regimen or an action. */
  decided(name) {
    if (name === "setting") return say("the_setting");
    return this.labels.regimen?.[name] ?? this.labels.action_name?.[name] ?? this.label("action", name);
  }

  /** Ask for a fact. */
  question(fact) {
    return fact.question || `${fact.label[0].toUpperCase()}${fact.label.slice(1)}`;
  }

  /** Word a fact, or a member of a list. */
  fact({ fact, has }) {
    return has === undefined ? this.label("fact", fact) : say("member", this.member(fact, has), this.label("fact", fact));
  }

  member(fact, name) {
    return (
      this.facts.get(fact)?.values.find((value) => value.name === name)?.label ??
      this.labels.drug?.[name] ??
      this.label("value", name)
    );
  }

  /** Word a value of a fact in a few words that stand alone, such as "no heart failure". */
  assumption({ fact, has, value }) {
    const about = this.fact({ fact, has });
    if (value === true) return about;
    if (value === false) return say("without", about);
    return say("value", about, this.value(fact, value));
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
      return [drugs, this.label("outcome", value.outcome)].join(say("comma"));
    }
    if (/^[<>]/.test(value)) return value.split(",").map(bound).join(say("and_condition"));
    return this.facts.get(fact)?.kind === "number" ? String(value) : this.member(fact, value);
  }

  assumptions(assuming) {
    return assuming.map((one) => this.assumption(one)).join(say("and"));
  }
}

/** Word a bound of a number, such as "<=12". */
function bound(text) {
  const [, sign, number] = /^([<>]=?)(.*)$/.exec(text);
  if (sign === "<=") return say("at_most", number);
  if (sign === ">=") return say("page_at_least", number);
  return sign === "<" ? say("page_less_than", number) : say("more_than", number);
}

/** Word where something was read from FHIR: resource, code and date. */
export function origin({ resource, system, code, date, text }) {
  const coded = [system?.split("/").filter(Boolean).pop(), code].filter(Boolean).join(" ");
  return [resource, coded, date, text].filter(Boolean).join(", ");
}
