// A field that finds one of many names by typing (ARIA combobox with a list).

import { element, fresh } from "./dom.js";
import { say } from "./words.js";

/** Make a combobox over `options` ({name, label}); `choose` is called with the name chosen. */
export function combobox(label, options, choose) {
  const list = element("ul", { id: fresh("options"), role: "listbox", ariaLabel: label, hidden: true });
  const input = element("input", {
    type: "text",
    role: "combobox",
    ariaLabel: label,
    ariaAutoComplete: "list",
    ariaExpanded: "false",
    "aria-controls": list.id,
    placeholder: say("page_type"),
    spellcheck: false,
  });
  let current = -1;

  function shown() {
    return [...list.children];
  }

  function mark(index) {
    current = index;
    shown().forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
    const option = shown()[index];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    input.ariaExpanded = "false";
    mark(-1);
  }

  function take(name) {
    input.value = "";
    close();
    choose(name);
  }

  function open() {
    const sought = input.value.trim().toLowerCase();
    const found = options.filter(({ name, label: text }) => `${text} ${name}`.toLowerCase().includes(sought));
    found.sort((a, b) => b.label.toLowerCase().startsWith(sought) - a.label.toLowerCase().startsWith(sought));
    list.replaceChildren(
      ...found.map(({ name, label: text }) =>
        element("li", {
          id: fresh("option"),
          role: "option",
          textContent: text,
          onmousedown: (event) => {
            event.preventDefault();
            take(name);
          },
          "data-name": name,
        }),
      ),
    );
    list.hidden = !found.length;
    input.ariaExpanded = String(Boolean(found.length));
    mark(sought && found.length ? 0 : -1);
  }

  input.addEventListener("input", (event) => {
    event.stopPropagation();
    open();
  });
  input.addEventListener("click", open);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const count = shown().length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open();
      else if (count) mark((current + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!list.hidden && current >= 0) take(shown()[current].dataset.name);
    } else if (event.key === "Escape") close();
  });
  return element("span", { className: "combobox" }, input, list);
}
