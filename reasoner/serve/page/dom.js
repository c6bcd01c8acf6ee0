// Elements, made without markup: whatever text they show is set as text.

let made = 0;

/** Make an element; keys of `more` that it has as properties are set so, `on…` are listeners, the rest are attributes. */
export function element(name, more = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(more)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""),
  );
  return node;
}

/** Make an element of a picture (SVG), with its attributes. */
export function shape(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.flat(Number.POSITIVE_INFINITY));
  return node;
}

/** Give an id that no other element has. */
export function fresh(prefix) {
  made += 1;
  return `${prefix}-${made}`;
}

/** Show a text in an element, or hide the element where there is none. */
export function show(node, text) {
  node.textContent = text;
  node.hidden = !text;
}

/** Offer a text as a file to save. */
export function download(name, text, media) {
  const address = URL.createObjectURL(new Blob([text], { type: media }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
