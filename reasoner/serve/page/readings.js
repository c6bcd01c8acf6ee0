// How the text is read where it can be read in more than one way: a choice for each reading.

import { element, fresh } from "./dom.js";
import { ANY, say } from "./words.js";

export class Readings {
  /** Make the choices, as the page's address has them; where it has none they are those of the service. */
  constructor(node, guideline, words, changed) {
    this.readings = guideline.readings;
    this.inputs = new Map();
    node.hidden = !this.readings.length;
    const asked = new URLSearchParams(location.search).getAll("readings").flatMap((text) => text.split(","));
    node.replaceChildren(
      element("summary", { textContent: say("page_readings") }),
      element("p", { className: "quiet", textContent: say("page_readings_hint") }),
      ...this.readings.map((reading) => this.choice(reading, asked, changed)),
    );
    node.open = this.chosen().readings !== undefined;
  }

  choice({ name, chosen, alternatives }, asked, changed) {
    const [first] = alternatives;
    const wanted = asked.find((text) => text.startsWith(`${name}=`))?.split("=")[1];
    const preset = asked.includes(ANY) ? ANY : asked.length ? first.name : chosen;
    const options = [...alternatives, { name: ANY, text: say("page_reading_open") }];
    const value = options.some((option) => option.name === wanted) ? wanted : preset;
    const group = fresh("reading");
    this.inputs.set(
      name,
      options.map((option) =>
        element("input", {
          type: "radio",
          name: group,
          value: option.name,
          checked: option.name === value,
          onchange: () => {
            this.remember();
            changed();
          },
        }),
      ),
    );
    return element(
      "fieldset",
      { className: "field reading", "data-reading": name },
      element("legend", { textContent: say("reading_name", name) }),
      options.map((option, place) =>
        element(
          "label",
          {},
          this.inputs.get(name)[place],
          element(
            "span",
            { title: option.why },
            option.name === ANY ? "" : element("strong", { textContent: option.name }),
            ` ${option.text}`,
          ),
        ),
      ),
    );
  }

  value(name) {
    return this.inputs.get(name).find((input) => input.checked).value;
  }

  /** Give the choices as questions take them; nothing where they are those of the service. */
  chosen() {
    if (this.readings.every(({ name, chosen }) => this.value(name) === chosen)) return {};
    const others = this.readings.filter(({ name, alternatives }) => this.value(name) !== alternatives[0].name);
    return { readings: others.map(({ name }) => `${name}=${this.value(name)}`) };
  }

  /** Put the choices into the page's address. */
  remember() {
    const { readings } = this.chosen();
    const query = readings === undefined ? "" : `?readings=${readings.join(",")}`;
    history.replaceState(null, "", `${location.pathname}${query}`);
  }
}
