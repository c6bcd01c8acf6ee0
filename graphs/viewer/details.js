// The details of the selected node: what it says, its sources, its reasons and what it leads to.

/** Add an element to another, with text that is never read as markup. */
function add(parent, tag, text = "", className = "") {
  const made = parent.appendChild(document.createElement(tag));
  made.textContent = text;
  made.className = className;
  return made;
}

/** Add a button that leads to a node. */
function addReference(parent, graph, number) {
  const button = add(parent, "button", graph.captions[number], "node");
  button.type = "button";
  button.dataset.node = number;
}

class Details {
  constructor(panel, graph) {
    this.panel = panel;
    this.graph = graph;
  }

  show(number) {
    const { graph, panel } = this;
    panel.replaceChildren();
    add(panel, "h2", graph.captions[number]);
    add(panel, "p", this.about(number), "place");
    for (const line of this.more(graph.nodes[number])) add(panel, "p", line);
    this.text(number);
    for (const source of graph.sourcesOf(number)) {
      add(panel, "h3", graph.say("viewer_source", graph.kindOf(source), graph.nodes[source].name ?? graph.nodes[source].label));
      if (graph.nodes[source].place) add(panel, "p", graph.nodes[source].place, "place");
      this.text(source);
    }
    const reasons = graph.into[number].map(({ source, backward }) => [source, backward]);
    const consequences = graph.out[number].map(({ target, forward }) => [target, forward]);
    this.links(number, graph.say("viewer_reasons"), reasons);
    this.links(number, graph.say("viewer_consequences"), consequences);
    panel.scrollTop = 0;
  }

  about(number) {
    const { place } = this.graph.nodes[number];
    return [this.graph.kindOf(number), place].filter(Boolean).join(", ");
  }

  /** Word what an answer or a pathway says of a node. */
  more({ summary = "", doses = "", origin, statements, cut }) {
    const lines = [summary, ...doses.split("\n")];
    if (origin) lines.push(this.graph.say("viewer_attribute_origin", origin.split("\n").join("; ")));
    if (statements) lines.push(this.graph.say("viewer_attribute_statements", statements));
    if (cut) lines.push(this.graph.say("viewer_attribute_cut"));
    return lines.filter(Boolean);
  }

  text(number) {
    const [first, ...rest] = (this.graph.nodes[number].text ?? "").split("\n");
    if (first) add(this.panel, "p", first);
    if (!rest.length) return;
    const list = add(this.panel, "ul");
    for (const line of rest) add(list, "li", line);
  }

  /** List other nodes, each after the role of its edge; sources are listed among themselves alone. */
  links(number, title, links) {
    const own = links.filter(([other]) => !this.graph.isSource(other) || this.graph.isSource(number));
    if (!own.length) return;
    add(this.panel, "h3", title);
    const list = add(this.panel, "ul");
    for (const [other, role] of own) addReference(add(list, "li", `${role} `), this.graph, other);
  }
}
