// The page: the form gives a record, the service answers it, and the answer is shown.

import { addressOf, taken } from "./address.js";
import { changes, shown, summary } from "./answer.js";
import { download, element, say } from "./dom.js";
import { Form } from "./form.js";
import { Queries } from "./queries.js";
import { Refused, ask, graph, guideline } from "./service.js";
import { Words, origin } from "./words.js";

const WAIT = 250;
const place = (id) => document.getElementById(id);

class Page {
  constructor(found) {
    this.guideline = found;
    this.words = new Words(found);
    this.answer = null;
    this.form = new Form(place("form"), found, this.words, () => this.changed(), announce);
    this.queries = new Queries(place("queries"), this.words, found, {
      apply: (set) => this.apply(set),
      goTo: (fact) => this.form.goTo(fact),
      announce,
    });
    const { title, layer, overlays, digest, disclaimer } = found.guideline;
    place("title").textContent = document.title = title;
    place("version").textContent = [
      `${layer} layer`,
      overlays.length ? `LOCAL overlay ${overlays.join(", ")}` : "",
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
    place("reset").addEventListener("click", () => this.load({}, "Reset: all is unknown."));
    place("save").addEventListener("click", () => this.share());
    place("copy").addEventListener("click", () => this.copy());
    place("save-record").addEventListener("click", () => keep("record.json", this.form.record()));
    place("save-answer").addEventListener("click", () => keep("answer.json", this.answer));
    place("save-graph").addEventListener("click", () => this.graph("copied", keepGraph));
    place("draw").addEventListener("click", () => this.draw());
    place("save-drawing").addEventListener("click", () => keepGraph(this.drawing));
    window.addEventListener("hashchange", () => this.fromAddress());
    if (!this.fromAddress()) this.update();
  }

  /** Answer anew once nothing was entered for a moment. */
  changed() {
    place("answers").ariaBusy = "true";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), WAIT);
  }

  async update() {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    const record = this.form.record();
    const lacking = this.form.lacking();
    if (lacking.length) {
      this.form.refuse("", "");
      this.show(
        record,
        null,
        element(
          "div",
          {},
          element("p", { textContent: "Nothing is answered before this is known:" }),
          this.jumps(
            lacking.map(({ name }) => name),
            true,
          ),
          element("p", { className: "quiet", textContent: "Or choose an example, or load a record or a FHIR bundle." }),
        ),
      );
      return;
    }
    try {
      const answer = await ask("answer", { patient: record }, signal);
      if (signal.aborted) return;
      this.form.refuse("", "");
      this.show(record, answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      const own = error.status === 422 && this.form.refuse(error.field, error.message);
      const named = [...this.words.facts.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(error.message));
      this.show(
        record,
        null,
        element(
          "div",
          {},
          element("p", { className: "problem", textContent: `No answer: ${error.message}` }),
          this.jumps(own ? [/^\w+/.exec(error.field)[0]] : named),
          error.status === 422
            ? null
            : element("button", { type: "button", textContent: "Try again", onclick: () => this.update() }),
        ),
      );
    }
  }

  jumps(names, question) {
    return element(
      "ul",
      { className: "jumps" },
      names.map((name) =>
        element(
          "li",
          {},
          element("button", {
            type: "button",
            className: "link",
            "data-key": `jump ${name}`,
            textContent: question
              ? this.words.question(this.words.facts.get(name))
              : `Go to: ${this.words.label("fact", name)}`,
            onclick: () => this.form.goTo(name),
          }),
        ),
      ),
    );
  }

  /** Show an answer, or `instead` why there is none; what had the focus keeps it. */
  show(record, answer, instead) {
    const answers = place("answers");
    answers.ariaBusy = "false";
    const key = answers.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    this.queries.about(record, answer);
    if (answer) announce(changes(this.answer, answer, this.words));
    else if (this.answer || instead.querySelector(".problem")) announce(instead.textContent);
    this.answer = answer;
    answers.replaceChildren(
      ...(answer
        ? shown(
            answer,
            this.words,
            (...asked) => this.queries.why(...asked),
            (fact) => this.form.goTo(fact),
          )
        : [instead]),
    );
    this.form.matter(new Set(answer ? answer.missing.map(({ fact }) => fact) : []));
    place("draw").hidden = !answer;
    place("summary").textContent = answer ? summary(answer, this.words) : "no answer yet";
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
  load(record, text, reading = null) {
    const left = this.form.fill(record);
    if (reading) this.form.cite(reading.sources);
    place("read").replaceChildren(...this.notice(left, reading));
    announce([text, ...left].join(" "));
    this.changed();
  }

  apply(set) {
    this.form.change(set);
    this.changed();
    place("answer").focus();
  }

  /** Tell what of a file or link was not taken up. */
  notice(left, reading) {
    const parts = [["Not taken up", left]];
    if (reading) {
      parts.push(
        [
          "Contradictory, so left unknown",
          reading.contradictions.map(
            ({ fact, sides }) => `${fact}: ${sides.map(({ value, ...source }) => `${value} (${origin(source)})`).join("; ")}`,
          ),
        ],
        [
          "Not decided, so left unknown",
          reading.undecided.map(
            ({ fact, why, sources }) => `${fact}: ${why}${sources.length ? ` (${sources.map(origin).join("; ")})` : ""}`,
          ),
        ],
        ["Read from silence", reading.assumed],
        ["Not mapped", reading.unmapped.map(({ why, ...source }) => `${origin(source)}: ${why}`)],
        ["Not readable", reading.unreadable],
      );
    }
    const full = parts.filter(([, lines]) => lines.length);
    if (!full.length && !reading) return [];
    return [
      element(
        "section",
        { className: "notice", ariaLabel: "What was read" },
        reading
          ? element("p", {
              textContent: `Read from FHIR: ${new Set(reading.sources.map(({ fact }) => /^\w+/.exec(fact)[0])).size} facts. Each says below where it was read.`,
            })
          : null,
        full.map(([title, lines]) =>
          element(
            "details",
            { open: lines.length <= 10 },
            element("summary", { textContent: `${title} (${lines.length})` }),
            element(
              "ul",
              {},
              lines.map((line) => element("li", { textContent: line })),
            ),
          ),
        ),
      ),
    ];
  }

  refuseFile(text) {
    place("read").replaceChildren(element("p", { className: "problem", role: "alert", textContent: text }));
  }

  example() {
    const chosen = this.guideline.examples.find(({ name }) => name === place("example").value);
    if (chosen) this.load(chosen.record, `Example: ${chosen.title}.`);
    place("example").value = "";
  }

  async file() {
    const [chosen] = place("file").files;
    if (!chosen) return;
    const text = await chosen.text();
    place("file").value = "";
    let data;
    try {
      data = JSON.parse(text);
    } catch (error) {
      this.refuseFile(`The file is no JSON: ${error.message}`);
      return;
    }
    await this.take(data, "The file was read.");
  }

  /** Take up a record, or a FHIR resource or bundle. */
  async take(data, text) {
    if (typeof data !== "object" || data === null || Array.isArray(data)) {
      this.refuseFile("This is neither a patient record nor a FHIR resource: both are JSON objects.");
      return;
    }
    if (!("resourceType" in data)) {
      this.load(data, text);
      return;
    }
    try {
      const reading = await ask("facts", { patient: data });
      this.load(reading.record, text, reading);
    } catch (error) {
      this.refuseFile(`Nothing was read: ${error.message}`);
    }
  }

  /** Take up the record in the address; gives whether there was one. */
  fromAddress() {
    let found;
    try {
      found = taken();
    } catch {
      this.refuseFile("The link holds no record that can be read.");
      return false;
    }
    if (!found) return false;
    this.wanted = found.why;
    this.take(found.record, "The record of the link was read.");
    return true;
  }

  share() {
    place("link").value = addressOf(this.form.record());
    place("save-answer").disabled = place("save-graph").disabled = !this.answer;
    say(place("copied"), "");
    place("sharing").showModal();
    place("link").select();
  }

  async copy() {
    place("link").select();
    const done = await navigator.clipboard?.writeText(place("link").value).then(
      () => true,
      () => false,
    );
    say(place("copied"), done ? "Copied." : "Selected: copy it with the keyboard.");
  }

  /** Draw the graph and hand it on; what goes wrong is said in an element. */
  async graph(where, use) {
    say(place(where), "The graph is being drawn …");
    try {
      use(await graph(this.form.record()));
      say(place(where), "");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(place(where), `No graph: ${error.message}`);
    }
  }

  draw() {
    place("drawn").replaceChildren();
    place("save-drawing").disabled = true;
    place("drawing").showModal();
    this.graph("drawing-said", (text) => {
      this.drawing = text;
      place("save-drawing").disabled = false;
      place("drawn").replaceChildren(element("iframe", { sandbox: "allow-scripts", title: "Explanation graph", srcdoc: text }));
    });
  }
}

function keep(name, data) {
  download(name, `${JSON.stringify(data, null, 2)}\n`, "application/json");
}

function keepGraph(text) {
  download("graph.html", text, "text/html");
}

function announce(text) {
  place("said").textContent = text;
}

try {
  new Page(await guideline());
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  place("answers").replaceChildren(
    element("p", {
      className: "problem",
      role: "alert",
      textContent: `The guideline could not be loaded: ${error.message}. Load the page again.`,
    }),
  );
}
