// Searching the graph: matches in captions first, then in ids and texts.

const MOST_RESULTS = 50;
const LONGEST_EXCERPT = 80;

class Search {
  constructor(input, list, graph) {
    this.input = input;
    this.list = list;
    this.graph = graph;
  }

  /** Call `found` with the matches whenever the text changes, and null where there is none. */
  listen(found) {
    this.input.addEventListener("input", () => found(this.update()));
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.list.querySelector("button")?.click();
        this.list.replaceChildren();
      }
      if (event.key === "Escape") {
        this.input.value = "";
        found(this.update());
      }
    });
  }

  update() {
    this.list.replaceChildren();
    const sought = this.input.value.trim().toLowerCase();
    if (!sought) return null;
    const matches = this.matches(sought);
    for (const number of matches.slice(0, MOST_RESULTS)) this.result(number);
    return matches;
  }

  matches(sought) {
    const has = (text = "") => text.toLowerCase().includes(sought);
    const { nodes, captions } = this.graph;
    const numbers = [...nodes.keys()];
    const named = numbers.filter((number) => nodes[number].kind !== "patient" && has(captions[number]));
    const described = numbers.filter((number) => has(nodes[number].id) || has(nodes[number].text));
    return [...new Set([...named, ...described])];
  }

  result(number) {
    const line = add(this.list, "li");
    addReference(line, this.graph, number);
    const excerpt = (this.graph.nodes[number].text ?? "").split("\n")[0].slice(0, LONGEST_EXCERPT);
    add(line, "span", ` ${[this.graph.kindOf(number), excerpt].filter(Boolean).join(": ")}`, "place");
  }
}
