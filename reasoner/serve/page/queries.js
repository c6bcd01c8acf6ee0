// What is asked beyond the answer: why, why not, what to ask next.

import { explained, part } from "./argument.js";
import { element, fresh } from "./dom.js";
import { ask } from "./service.js";
import { ONE_OF, say } from "./words.js";

/** Holds what is unfolded, asks for it anew for each answer, and drops replies that come too late. */
export class Queries {
  constructor(node, words, guideline, { apply, goTo, announce }) {
    this.words = words;
    this.guideline = guideline;
    this.apply = apply;
    this.goTo = goTo;
    this.announce = announce;
    this.question = null;
    this.unfolded = new Set();
    this.regimen = element("select", { id: fresh("regimen"), onchange: () => this.refresh("why-not", true) });
    this.past = element("input", { type: "checkbox", onchange: () => this.refresh("why-not", true) });
    this.tools = new Map([
      [
        "why-not",
        this.tool(
          say("page_why_not"),
          say("page_show_why_not"),
          (signal) => this.whyNot(signal),
          element(
            "div",
            { className: "row" },
            element("label", { htmlFor: this.regimen.id, textContent: say("page_regimen") }),
            this.regimen,
            element("label", { className: "check" }, this.past, ` ${say("page_include_past")}`),
          ),
        ),
      ],
      ["ask", this.tool(say("page_ask"), say("page_list_questions"), (signal) => this.ask(signal))],
    ]);
    node.replaceChildren(...[...this.tools.values()].map((tool) => tool.node));
    this.node = node;
    node.hidden = true;
  }

  tool(title, action, load, controls) {
    const output = element("div", { className: "output" });
    const button = element("button", {
      type: "button",
      textContent: action,
      ariaExpanded: "false",
      onclick: () => {
        tool.open = !tool.open;
        button.ariaExpanded = String(tool.open);
        output.replaceChildren();
        if (tool.open) this.load(tool, true);
        else tool.controller?.abort();
      },
    });
    const tool = {
      open: false,
      load,
      output,
      button,
      node: element("section", { className: "query" }, element("h3", { textContent: title }), controls, button, output),
    };
    return tool;
  }

  async load(tool, asked = false) {
    tool.controller?.abort();
    tool.controller = new AbortController();
    const { signal } = tool.controller;
    tool.output.ariaBusy = "true";
    const found = await tool
      .load(signal)
      .catch((error) =>
        error.name === "AbortError" ? null : [element("p", { className: "problem", textContent: error.message })],
      );
    if (signal.aborted || found === null) return;
    tool.output.replaceChildren(...found);
    tool.output.ariaBusy = "false";
    if (asked) this.announce(tool.output.querySelector("h4, p, li")?.textContent ?? "");
  }

  refresh(name, asked) {
    const tool = this.tools.get(name);
    if (tool.open) this.load(tool, asked);
  }

  /** Take over a new answer to a question about a patient, or null where there is none. */
  about(question, answer) {
    this.question = question;
    this.node.hidden = !answer;
    if (!answer) {
      for (const tool of this.tools.values()) tool.controller?.abort();
      return;
    }
    const certain = new Set(
      answer.recommended.filter(({ certainty }) => certainty === "certain").map(({ regimen }) => regimen),
    );
    const chosen = this.regimen.value;
    this.regimen.replaceChildren(
      ...this.guideline.regimens
        .filter(({ name }) => !certain.has(name))
        .map(({ name, label }) => element("option", { value: name, textContent: label })),
    );
    if ([...this.regimen.options].some(({ value }) => value === chosen)) this.regimen.value = chosen;
    for (const name of this.tools.keys()) this.refresh(name, false);
  }

  /** Open the explanation of a regimen that is not recommended. */
  openWhyNot(regimen) {
    this.regimen.value = regimen;
    const tool = this.tools.get("why-not");
    if (!tool.open) tool.button.click();
    else this.load(tool, true);
    tool.node.scrollIntoView({ block: "start" });
    tool.button.focus({ preventScroll: true });
  }

  /** Make the button and the panel that tell why something is concluded; what was unfolded is unfolded again. */
  why(name, label, part) {
    const key = `${part} ${name}`;
    const panel = element("div", { id: fresh("why"), className: "output" });
    const tool = {
      output: panel,
      load: async (signal) => {
        const found = await ask("why", { ...this.question, conclusion: name }, signal);
        return explained(found, this.words);
      },
    };
    const button = element("button", {
      type: "button",
      className: "why",
      "data-key": key,
      textContent: say("page_why"),
      ariaLabel: say("card_why", label),
      "aria-controls": panel.id,
      ariaExpanded: String(this.unfolded.has(key)),
      onclick: () => {
        const open = !this.unfolded.has(key);
        button.ariaExpanded = String(open);
        if (open) {
          this.unfolded.add(key);
          this.load(tool, true);
        } else {
          this.unfolded.delete(key);
          tool.controller?.abort();
          panel.replaceChildren();
        }
      },
    });
    if (this.unfolded.has(key)) this.load(tool);
    return { button, panel };
  }

  async whyNot(signal) {
    const { words } = this;
    const found = await ask(
      "why-not",
      { ...this.question, regimen: this.regimen.value, any: this.past.checked },
      signal,
    );
    const ahead = (name, assuming) => (assuming ? say("page_if", name, words.assumptions(assuming)) : name);
    const before = part(
      say("page_ranked_below"),
      found.outranked_by.map(({ regimen, by, assuming }) =>
        element(
          "li",
          {},
          ahead(words.label("regimen", regimen), assuming),
          " ",
          element("cite", { textContent: `[${by.join(", ")}]` }),
        ),
      ),
    );
    const rules = part(say("page_rules"), found.rules.map(blockedRule));
    return explained(found, words, [before, this.changes(found)], rules);
  }

  changes({ status, changes, other_changes: others, otherwise }) {
    if (status === "recommended") return null;
    const lines = changes.map((change) => element("li", {}, this.change(change)));
    if (others && lines.length) lines.push(element("li", { textContent: say("page_other_changes", others) }));
    if (otherwise) lines.push(element("li", { textContent: otherwise }));
    if (lines.length) return part(say("page_changes"), lines, "changes");
    const none = this.past.checked ? say("page_no_change") : say("page_no_change_now");
    return part(say("page_changes"), [element("li", { textContent: none })]);
  }

  change({ set, kind }) {
    const texts = Object.entries(set).map(([place, value]) => {
      const [, fact, index, key] = /^(\w+)(?:\[(\d+)\]\.(\w+))?$/.exec(place);
      const course = index === undefined ? undefined : Number(index) + 1;
      const text =
        course !== undefined || fact === ONE_OF || typeof value === "boolean"
          ? this.words.assumption({ fact, course, key: key === "outcome" ? undefined : key, value })
          : say("value", this.words.label("fact", fact), this.words.value(fact, value));
      return kind[place] === "contrary" ? say("change_contrary", text) : text;
    });
    return element("button", {
      type: "button",
      className: "change",
      textContent: texts.join(say("and")),
      title: say("page_fill_in"),
      onclick: () => this.apply(set),
    });
  }

  async ask(signal) {
    const { words } = this;
    const { questions } = await ask("ask", this.question, signal);
    if (!questions.length) return [element("p", { textContent: say("nothing_to_ask") })];
    return [
      element(
        "ol",
        { className: "questions" },
        questions.map(({ fact, course, text, decides, answers }) =>
          element(
            "li",
            {},
            element("button", { type: "button", className: "link", textContent: text, onclick: () => this.goTo(fact, course) }),
            element("span", {
              className: "quiet",
              textContent: ` ${say("page_decides", decides.length === 1 ? words.decided(decides[0]) : say("page_conclusions", decides.length))}`,
            }),
            element(
              "ul",
              {},
              answers.map((given) =>
                element("li", {}, element("strong", { textContent: this.given(fact, given) }), ": ", this.outcome(given)),
              ),
            ),
          ),
        ),
      ),
    ];
  }

  given(fact, { value, stretch }) {
    return stretch ? this.words.value(fact, stretch) : this.words.value(fact, value);
  }

  outcome({ setting, recommended, conditional }) {
    const named = (names) => names.map((name) => this.words.label("regimen", name)).join(say("comma"));
    const parts = [
      this.words.label("setting", setting),
      recommended.length ? say("page_sure", named(recommended)) : say("page_nothing_certain"),
    ];
    if (conditional.length) parts.push(say("page_still_open", named(conditional)));
    return parts.join(say("and"));
  }
}

/** Word a rule that could recommend a regimen, with what keeps it from firing. */
function blockedRule({ rule, statements, blocked_by: obstacles }) {
  return element(
    "li",
    {},
    element("cite", { textContent: (statements.length ? statements : [rule]).join(", ") }),
    element(
      "ul",
      {},
      obstacles.map(({ condition, state }) =>
        element(
          "li",
          { className: state === "unknown" ? "open" : "" },
          element("span", { className: "mark", ariaHidden: "true", textContent: state === "unknown" ? "?" : "×" }),
          state === "unknown" ? say("page_not_recorded", condition) : say("page_not_so", condition),
        ),
      ),
    ),
  );
}
