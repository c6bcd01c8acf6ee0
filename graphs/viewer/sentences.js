// The derivation in sentences: its parts follow what the view shows.

class Sentences {
  constructor(container, graph, view) {
    this.container = container;
    this.graph = graph;
    this.view = view;
    this.parts = new Map([...container.querySelectorAll("details.part")].map((part) => [Number(part.dataset.node), part]));
  }

  /** Call `toggled` with a node where a reader folds or unfolds its part. */
  listen(toggled) {
    for (const [number, part] of this.parts) {
      part.querySelector("summary").addEventListener("click", (event) => {
        event.preventDefault();
        if (this.view.isFoldable(number)) toggled(number, !part.open);
      });
    }
  }

  /** Show the parts of what is in focus, in the order of the graph, and open those that are not folded. */
  update() {
    const reachable = [...this.view.reachable().keys()];
    const reached = this.view.reached();
    if (this.graph.isDerivation) {
      const rest = [...this.parts.keys()].filter((number) => !reachable.includes(number));
      const ordered = [...reachable, ...rest].filter((number) => this.parts.has(number));
      this.container.append(...ordered.map((number) => this.parts.get(number)));
    }
    for (const [number, part] of this.parts) {
      part.hidden = !reachable.includes(number);
      const unfolded = reached.has(number) && !this.view.folded.has(number);
      part.open = unfolded && (this.view.isFoldable(number) || !this.graph.isDerivation);
      for (const rule of part.querySelectorAll("[data-rule]")) {
        rule.hidden = !this.view.blocked && this.graph.nodes[Number(rule.dataset.rule)].state === "fails";
      }
    }
  }

  markSelected(number) {
    for (const [other, part] of this.parts) part.classList.toggle("selected", other === number);
  }

  scrollTo(number) {
    const part = this.parts.get(number);
    if (!part || part.hidden) return;
    part.open = true;
    part.scrollIntoView({ block: "nearest" });
  }

  openAll() {
    for (const part of this.parts.values()) part.open = true;
  }
}
