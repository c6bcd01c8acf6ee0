// What is shown of the graph: what is in focus, which nodes are folded, which kinds are hidden.

const LEVELS_AT_FIRST = 2;

class View {
  constructor(graph) {
    this.graph = graph;
    this.focus = [];
    this.everything = false;
    this.blocked = false;
    this.folded = new Set();
    this.hiddenKinds = new Set(["citation"]);
  }

  /** List the edges into a node that are shown; those of rules that did not fire only on request. */
  reasons(number) {
    const { nodes, into } = this.graph;
    const fails = ({ source, role }) => role === "blocks" || (nodes[source].kind === "rule" && nodes[source].state === "fails");
    return into[number].filter((edge) => this.blocked || !fails(edge));
  }

  isFoldable(number) {
    const { nodes } = this.graph;
    if (nodes[number].kind === "rule" || this.graph.isSource(number)) return false;
    return this.reasons(number).some(({ source }) => nodes[source].kind !== "patient");
  }

  /** Give the nodes that are reached from the focus, each with its level: the number of conclusions on the way to it. */
  reached(folded = this.folded) {
    const levels = new Map(this.focus.map((number) => [number, 0]));
    for (const [number, level] of levels) {
      if (folded.has(number)) continue;
      const next = level + (this.graph.nodes[number].kind === "rule" ? 0 : 1);
      for (const { source } of this.reasons(number)) if (!levels.has(source)) levels.set(source, next);
    }
    return levels;
  }

  /** The same as if nothing were folded. */
  reachable() {
    return this.reached(new Set());
  }

  shown() {
    return new Set([...this.reached().keys()].filter((number) => !this.hiddenKinds.has(this.graph.nodes[number].kind)));
  }

  focusOn(numbers, everything) {
    this.focus = numbers;
    this.everything = everything;
    this.foldBelow(everything ? 1 : LEVELS_AT_FIRST);
  }

  foldBelow(limit) {
    const levels = [...this.reachable()];
    this.folded = new Set(levels.filter(([number, level]) => level >= limit && this.isFoldable(number)).map(([number]) => number));
  }

  unfoldAll() {
    this.folded = new Set();
  }

  toggle(number) {
    if (!this.folded.delete(number)) this.folded.add(number);
  }

  toggleKind(kind) {
    if (!this.hiddenKinds.delete(kind)) this.hiddenKinds.add(kind);
  }

  /** Show rules that did not fire or hide them; what this adds is folded at first. */
  showBlocked(blocked) {
    const before = this.reachable();
    this.blocked = blocked;
    for (const number of this.reachable().keys()) {
      if (!before.has(number) && this.isFoldable(number)) this.folded.add(number);
    }
  }

  /** Show a node, wherever it is: widen the focus where it must be, and unfold all that leads to it. */
  reveal(number) {
    if (!this.reachable().has(number)) this.blocked = true;
    if (!this.reachable().has(number)) this.focus = this.graph.starts;
    while (!this.reached().has(number)) {
      const levels = this.reached();
      const behind = [...this.folded].filter((folded) => levels.has(folded) && this.ancestors(folded).has(number));
      if (!behind.length) break;
      behind.forEach((folded) => this.folded.delete(folded));
    }
    this.hiddenKinds.delete(this.graph.nodes[number].kind);
  }

  ancestors(number) {
    const found = new Set([number]);
    for (const reached of found) for (const { source } of this.reasons(reached)) found.add(source);
    return found;
  }
}
