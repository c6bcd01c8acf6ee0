// The graph that is viewed, and the words of its guideline.

const SOURCES = new Set(["statement", "reading", "overlay", "citation", "trial"]);

/**
 * Nodes by number, and the edges into and out of each; edges run from a reason to what follows from it.
 * An edge reads `forward` from its source to its target, `backward` the other way.
 */
class Graph {
  constructor({ nodes, captions, edges, starts, kinds, looks, places, words }) {
    this.nodes = nodes;
    this.captions = captions;
    this.starts = starts;
    this.kinds = kinds;
    this.looks = looks;
    this.places = places;
    this.words = words;
    this.into = nodes.map(() => []);
    this.out = nodes.map(() => []);
    edges.forEach(([source, target, role, forward, backward], number) => {
      const edge = { number, source, target, role, forward, backward };
      this.into[target].push(edge);
      this.out[source].push(edge);
    });
    this.isArgument = places.length > 0;
    this.isDerivation = this.isArgument || "rule" in kinds;
  }

  /** Give the text of a key with `words` in its places {1}, {2} and so on. */
  say(key, ...words) {
    return this.words[key].replace(/\{(\d+)\}/g, (_, place) => words[place - 1]);
  }

  isSource(number) {
    return SOURCES.has(this.nodes[number].kind);
  }

  /** List the sources that a node rests on, directly or through another source. */
  sourcesOf(number) {
    const found = new Set([number]);
    for (const reached of found) {
      for (const { source } of this.into[reached]) if (this.isSource(source)) found.add(source);
    }
    found.delete(number);
    return [...found];
  }

  /** Name the kind of a node. */
  kindOf(number) {
    return this.kinds[this.nodes[number].kind];
  }
}
