// The page: the form gives a record, the service answers it, and the answer is shown.

import { addressOf, taken } from "./address.js";
import { changes, shown, summary } from "./answer.js";
import { download, element, show } from "./dom.js";
import { Form } from "./form.js";
import { Queries } from "./queries.js";
import { begun, corrections, jumps, reading, review } from "./reading.js";
import { Readings } from "./readings.js";
import { Refused, ask, graph, guideline } from "./service.js";
import { drawn } from "./timeline.js";
import { ONE_OF, Words, say } from "./words.js";

const WAIT = 250;
const TYPED = 'input[type="text"]:not([role]), textarea';
const place = (id) => document.getElementById(id);

class Page {
  constructor(found) {
    this.guideline = found;
    this.words = new Words(found);
    this.answer = null;
    this.unchecked = null;
    this.form = new Form(place("form"), found, this.words, () => this.changed(), announce);
    this.readings = new Readings(place("readings"), found, this.words, () => this.changed());
    this.queries = new Queries(place("queries"), this.words, found, {
      apply: (set) => this.apply(set),
      goTo: (fact, course) => this.form.goTo(fact, course),
      announce,
    });
    const { title, layer, overlays, readings, digest, disclaimer } = found.guideline;
    place("title").textContent = document.title = title;
    place("version").textContent = [
      layer === "literal" ? say("layer_literal") : say("layer_curated"),
      overlays.length ? say("overlay_name", overlays.join(say("comma"))) : "",
      ...this.words.chosen(readings),
      digest.slice(0, 19),
    ]
      .filter(Boolean)
      .join(" · ");
    place("disclaimer").textContent = disclaimer;
    place("example").append(
      ...found.examples.map(({ name, title: text }) => element("option", { value: name, textContent: text })),
    );
    place("example").addEventListener("change", () => this.example());
    place("file").addEventListener("change", () => this.file());
    place("reset").addEventListener("click", () => this.load({}, say("page_was_reset")));
    place("save").addEventListener("click", () => this.share());
    place("copy").addEventListener("click", () => this.copy());
    place("save-record").addEventListener("click", () => keep("record.json", this.form.record()));
    place("save-answer").addEventListener("click", () => keep("answer.json", { ...this.answer, worded: undefined }));
    place("save-graph").addEventListener("click", () => this.graph("copied", keepGraph));
    place("draw").addEventListener("click", () => this.draw());
    place("save-drawing").addEventListener("click", () => keepGraph(this.drawing));
    document.addEventListener("paste", (event) => this.paste(event));
    window.addEventListener("beforeprint", () => {
      place("chart").open = true;
    });
    window.addEventListener("hashchange", () => this.fromAddress());
    if (!this.fromAddress()) this.update();
  }

  /** Answer anew: at once, or where text is typed once nothing was for a moment; a chart is checked first. */
  changed() {
    if (this.unchecked) {
      this.check();
      return;
    }
    place("answers").ariaBusy = "true";
    clearTimeout(this.timer);
    if (document.activeElement?.matches(TYPED)) this.timer = setTimeout(() => this.update(), WAIT);
    else this.update();
  }

  /** Give the question that the page stands for: the record, and the readings where they are chosen. */
  question() {
    return { patient: this.form.record(), ...this.readings.chosen() };
  }

  /** Ask to check what was read of a chart, before there is an answer. */
  check() {
    const { undecided, contradictions } = this.unchecked;
    const known = (name) => this.words.facts.has(name) || name === ONE_OF;
    const open = [...contradictions, ...undecided].map(({ fact }) => /^\w+/.exec(fact)[0]).filter(known);
    clearTimeout(this.timer);
    this.controller?.abort();
    this.show(
      null,
      null,
      review(open.length ? this.jumps([...new Set(open)]) : null, this.corrected(), () => {
        this.unchecked = null;
        place("chart").open = false;
        place("answers").ariaBusy = "true";
        this.update();
        place("answer").focus();
      }),
    );
  }

  /** List what a person corrected of a chart. */
  corrected() {
    return corrections(this.form.corrections(), (name) => this.form.takeBack(name));
  }

  async update() {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    const question = this.question();
    const unfinished = this.form.unfinished();
    if (unfinished) {
      this.form.refuse("", "");
      this.show(question, null, begun(unfinished, (fact, course) => this.form.goTo(fact, course)));
      return;
    }
    try {
      const answer = await ask("answer", { ...question, words: true }, signal);
      if (signal.aborted) return;
      this.form.refuse("", "");
      this.show(question, answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      const message = this.words.readable(error.message);
      const own = error.status === 422 && this.form.refuse(error.field, message);
      const named = [...this.words.facts.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(error.message));
      this.show(
        question,
        null,
        element(
          "div",
          {},
          element("p", { className: "problem", textContent: say("page_no_answer", message) }),
          this.jumps(own ? [/^\w+/.exec(error.field)[0]] : named),
          error.status === 422
            ? null
            : element("button", { type: "button", textContent: say("page_try_again"), onclick: () => this.update() }),
        ),
      );
    }
  }

  jumps(names) {
    const label = (name) => (name === ONE_OF ? say("page_one_of") : this.words.label("fact", name));
    return jumps(names, label, (name) => this.form.goTo(name));
  }

  /** Show the answer to a question, or `instead` why there is none; what had the focus keeps it. */
  show(question, answer, instead) {
    const answers = place("answers");
    answers.ariaBusy = "false";
    const key = answers.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    this.queries.about(question, answer);
    if (answer) announce(changes(this.answer, answer, this.words));
    else if (instead.querySelector(".problem")) announce(instead.textContent);
    this.answer = answer;
    answers.replaceChildren(
      ...(answer
        ? [
            this.corrected(),
            ...shown(
              answer,
              this.words,
              (...asked) => this.queries.why(...asked),
              (fact, course) => this.form.goTo(fact, course),
            ),
          ].filter(Boolean)
        : [instead]),
    );
    this.form.matter(new Set(answer ? answer.missing.map(({ fact }) => fact) : []));
    place("draw").hidden = !answer;
    place("summary").textContent = answer
      ? summary(answer, this.words)
      : this.unchecked
        ? say("page_check_first")
        : say("page_no_answer_yet");
    if (key !== undefined)
      ([...answers.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key) ?? place("answer")).focus();
    if (answer && this.wanted) {
      this.explain(this.wanted);
      this.wanted = null;
    }
  }

  /** Open the explanation of a regimen. */
  explain(regimen) {
    const button = [...place("answers").querySelectorAll(".why")].find(
      ({ dataset }) => dataset.key === `recommended ${regimen}` || dataset.key === `excluded ${regimen}`,
    );
    if (button) {
      button.click();
      button.scrollIntoView({ block: "start" });
      button.focus({ preventScroll: true });
    } else if (this.guideline.regimens.some(({ name }) => name === regimen)) this.queries.openWhyNot(regimen);
  }

  /** Fill in a record anew. */
  load(record, text, facts = null) {
    this.opens();
    const left = this.form.fill(record, facts?.sources);
    const actions = {
      goTo: (fact, course) => this.form.goTo(fact, course),
      enter: {
        label: (fact) => this.words.label("fact", fact),
        therapy: (fact, course) => this.form.enter(fact, course),
      },
    };
    place("read").replaceChildren(...reading(left, facts, this.words));
    place("chart").hidden = !facts;
    place("chart").open = true;
    place("chart").replaceChildren(
      ...(facts ? [element("summary", { textContent: say("page_timeline") }), drawn(facts.timeline, actions)] : []),
    );
    this.unchecked = facts;
    this.changed();
    announce([text, ...left, facts ? say("page_check_first") : ""].filter(Boolean).join(" "));
  }

  apply(set) {
    this.form.change(set);
    this.changed();
    place("answer").focus();
  }

  /** Say why nothing was opened; what stood there before, which may be another patient's, is gone. */
  refuseFile(text) {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.unchecked = this.wanted = null;
    this.form.fill({});
    this.form.refuse("", "");
    place("chart").hidden = true;
    place("chart").replaceChildren();
    place("read").replaceChildren(element("p", { className: "problem", role: "alert", textContent: text }));
    this.show(null, null, element("p", { textContent: say("page_nothing_opened") }));
  }

  example() {
    const chosen = this.guideline.examples.find(({ name }) => name === place("example").value);
    if (chosen) this.load(chosen.record, say("page_change", say("page_example"), chosen.title));
    place("example").value = "";
  }

  async file() {
    const [chosen] = place("file").files;
    if (!chosen) return;
    const signal = this.opens();
    const text = await chosen.text();
    if (signal.aborted) return;
    place("file").value = "";
    await this.takeText(text, say("page_file_read"), signal);
  }

  /** Take over what is pasted outside of the fields. */
  paste(event) {
    const text = event.clipboardData?.getData("text") ?? "";
    if (text.trim() && !event.target.closest?.("input, textarea")) this.takeText(text, say("page_pasted"), this.opens());
  }

  /** Give up what is still being opened, for something else; gives the signal that aborts that in turn. */
  opens() {
    this.opening?.abort();
    this.opening = new AbortController();
    return this.opening.signal;
  }

  async takeText(text, said, signal) {
    let data;
    try {
      data = JSON.parse(text);
    } catch (error) {
      this.refuseFile(say("page_not_json", error.message));
      return;
    }
    await this.take(data, said, signal);
  }

  /** Take over a record, or a FHIR resource or bundle. */
  async take(data, text, signal) {
    if (typeof data !== "object" || data === null || Array.isArray(data)) {
      this.refuseFile(say("page_neither"));
      return;
    }
    if (!("resourceType" in data)) {
      this.load(data, text);
      return;
    }
    let facts;
    try {
      facts = await ask("facts", { patient: data }, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      this.refuseFile(say("page_nothing_read", this.words.readable(error.message)));
      return;
    }
    if (!signal.aborted) this.load(facts.record, text, facts);
  }

  /** Take over the record in the address; gives whether there was one. */
  fromAddress() {
    let found;
    try {
      found = taken();
    } catch {
      this.refuseFile(say("page_bad_link"));
      return false;
    }
    if (!found) return false;
    this.wanted = found.why;
    this.take(found.record, say("page_link_read"), this.opens()).then(() => {
      if (found.partial) place("read").prepend(element("p", { className: "notice", textContent: say("page_link_partial") }));
    });
    return true;
  }

  share() {
    place("link").value = addressOf(this.form.record());
    place("save-answer").disabled = place("save-graph").disabled = !this.answer;
    show(place("copied"), "");
    place("sharing").showModal();
    place("link").select();
  }

  async copy() {
    place("link").select();
    const done = await navigator.clipboard?.writeText(place("link").value).then(
      () => true,
      () => false,
    );
    show(place("copied"), done ? say("page_copied") : say("page_selected"));
  }

  /** Draw the graph and hand it on; an element shows what goes wrong. */
  async graph(where, use) {
    show(place(where), say("page_being_drawn"));
    try {
      use(await graph(this.question()));
      show(place(where), "");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      show(place(where), say("page_no_graph", error.message));
    }
  }

  draw() {
    place("drawn").replaceChildren();
    place("save-drawing").disabled = true;
    place("drawing").showModal();
    this.graph("drawing-said", (text) => {
      this.drawing = text;
      place("save-drawing").disabled = false;
      place("drawn").replaceChildren(
        element("iframe", { sandbox: "allow-scripts", title: say("page_graph"), srcdoc: text }),
      );
    });
  }
}

function keep(name, data) {
  download(name, `${JSON.stringify(data, null, 2)}\n`, "application/json");
}

function keepGraph(text) {
  download("graph.html", text, "text/html");
}

let announced = Number.NEGATIVE_INFINITY;

/** Say something to those who listen; what was said just before is said with it. */
function announce(text) {
  const before = performance.now() - announced < WAIT ? place("said").textContent : "";
  announced = performance.now();
  place("said").textContent = [before, text].filter(Boolean).join(" ");
}

try {
  new Page(await guideline());
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  place("answers").replaceChildren(
    element("p", {
      className: "problem",
      role: "alert",
      textContent: say("page_not_loaded", error.message),
    }),
  );
}
