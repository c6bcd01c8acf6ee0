// A record in the part of the address after #, which reaches no server.

/** Give the address of this page for a record. */
export function addressOf(record) {
  const bytes = new TextEncoder().encode(JSON.stringify(record));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const coded = text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${location.origin}${location.pathname}${location.search}#record=${coded}`;
}

/**
 * Take the record, the regimen to explain, and whether the record is of a chart without some of its lists, out of the address,
 * so that it does not stay in the browser's history.
 * Gives null where there is none; throws where it cannot be read.
 */
export function taken() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (!parts.has("record")) return null;
  history.replaceState(null, "", `${location.pathname}${location.search}`);
  const text = atob(parts.get("record").replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const record = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  return { record, why: parts.get("why"), partial: parts.has("partial") };
}
