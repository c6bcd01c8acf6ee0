"use strict";
// Shows only the findings of the severities and the class that are chosen; without it the page shows all.
{
  const filter = document.getElementById("filter");
  const severities = [...filter.querySelectorAll("input")];
  const kinds = filter.querySelector("select");
  const shown = filter.querySelector("output");
  const findings = [...document.querySelectorAll(".finding")];
  const groups = [...document.querySelectorAll(".group")];

  function apply() {
    const wanted = new Set(severities.filter((input) => input.checked).map((input) => input.value));
    let count = 0;
    for (const finding of findings) {
      const { severity, kind } = finding.dataset;
      finding.hidden = !wanted.has(severity) || (kinds.value !== "" && kinds.value !== kind);
      count += finding.hidden ? 0 : 1;
    }
    for (const group of groups) {
      group.hidden = !group.querySelector(".finding:not([hidden])");
      document.getElementById(`to-${group.id}`).hidden = group.hidden;
    }
    shown.textContent = shown.dataset.words.replace("{1}", count).replace("{2}", findings.length);
  }

  filter.addEventListener("change", apply);
  filter.addEventListener("reset", () => setTimeout(apply));
  filter.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.closest("[hidden]")) filter.reset();
  });
  filter.hidden = false;
  apply();
}
