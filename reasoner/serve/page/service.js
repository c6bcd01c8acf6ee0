// What the page asks of the service.

import { say } from "./words.js";

/** Why the service did not answer: `field` is that of the record, where it is one. */
export class Refused extends Error {
  constructor(status, detail, field) {
    super(detail);
    this.status = status;
    this.field = field;
  }
}

async function reply(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, say("page_unreachable"), "");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(
    response.status,
    problem.detail || response.statusText || say("page_status", response.status),
    problem.field || "",
  );
}

export async function guideline() {
  return (await reply("/api/guideline")).json();
}

function asked(question, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return reply(`/api/${question}`, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** Ask a question of the JSON API, such as `why-not`. */
export async function ask(question, body, signal) {
  return (await asked(question, body, signal)).json();
}

/** Draw the explanation graph as a page of its own. */
export async function graph(question, signal) {
  return (await asked("graph", { ...question, format: "html" }, signal)).text();
}
