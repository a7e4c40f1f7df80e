// The documentation page: every operation of openapi.json with its models and a form to call it.

import { ask, curl, exampleOf, fetchJson, make, plain, range, resolver } from "./page.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const description = await fetchJson("openapi.json");
const resolve = resolver(description);

function typeName(raw) {
  if (raw.$ref) return raw.$ref.split("/").pop();
  const { schema, nullable } = plain(raw);
  if (schema.$ref) return schema.$ref.split("/").pop() + (nullable ? " or null" : "");
  let name = schema.type ?? "any";
  if (schema.enum) name = schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.format) name += ` (${schema.format})`;
  if (schema.type === "array") name = `array of ${typeName(schema.items ?? {})}`;
  return name + (nullable ? " or null" : "");
}

function table(schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, raw]) => {
    const own = plain(raw).schema;
    const about = [own.description, range(own)].filter(Boolean).join(" · ");
    return make("tr", {},
      make("td", {}, make("code", { text: name }), required.has(name) ? "" : " (optional)"),
      make("td", { text: typeName(raw) }), make("td", { text: about }));
  });
  const head = make("tr", {}, ...["field", "type", "meaning"].map((text) => make("th", { text })));
  return make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

// A model's table, and those of the models inside it.
function tables(raw, seen = new Set()) {
  const name = typeName(raw);
  if (seen.has(name)) return [];
  seen.add(name);
  const schema = resolve(raw);
  if (!schema.properties) return [];
  const inner = Object.values(schema.properties).flatMap((value) => {
    const own = plain(value).schema;
    return own.items?.$ref ? tables(own.items, seen) : own.$ref ? tables(own, seen) : [];
  });
  return [make("h3", { text: name }), table(schema), ...inner];
}

function content(part) {
  const kinds = Object.values(part?.content ?? {});
  return kinds.length ? kinds[0].schema : null;
}

function responses(operation) {
  const rows = Object.entries(operation.responses).map(([status, part]) => make("tr", {},
    make("td", { text: status }),
    make("td", { text: part.description }),
    make("td", { text: content(part) ? typeName(content(part)) : "" })));
  return [make("h3", { text: "Responses" }),
    make("div", { class: "wide" }, make("table", {}, make("tbody", {}, ...rows)))];
}

function trial(path, method, operation) {
  const schema = content(operation.requestBody);
  const area = schema
    ? make("textarea", { "aria-label": "body", spellcheck: "false" }) : null;
  if (area) area.value = JSON.stringify(exampleOf(schema, resolve), null, 2);
  const out = make("pre", { hidden: "", "aria-live": "polite" });
  const button = make("button", { type: "button", text: "Send" });
  button.addEventListener("click", async () => {
    const options = { method: method.toUpperCase() };
    if (area) Object.assign(options, { headers: { "Content-Type": "application/json" }, body: area.value });
    out.hidden = false;
    try {
      const response = await ask(path.slice(1), options);
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
      out.textContent = `${response.status} ${response.statusText}\n${shown}`;
    } catch (error) {
      out.textContent = String(error);
    }
  });
  const body = area ? exampleOf(schema, resolve) : null;
  const terminal = area ? curl(path.slice(1), body) : `curl ${new URL(path.slice(1), location.href)}`;
  return make("div", {},
    make("h3", { text: area ? "Body" : "Try it" }), area,
    make("div", { class: "actions" }, button), out,
    make("h3", { text: "From a terminal" }), make("pre", { text: terminal }));
}

function operationCard(path, method, operation, open) {
  const asked = content(operation.requestBody);
  const answered = content(operation.responses["200"]);
  const about = make("div", {},
    ...(asked ? [make("h3", { text: "Request" }), ...tables(asked)] : []),
    ...(answered ? [make("h3", { text: "Answer" }), ...tables(answered)] : []),
    ...responses(operation));
  return make("details", { class: "card operation", id: operation.operationId, open: open ? "" : null },
    make("summary", {},
      make("span", { class: `method ${method}`, text: method.toUpperCase() }),
      make("code", { class: "path", text: path }),
      make("span", { class: "summary", text: operation.description ?? operation.summary ?? "" })),
    make("div", { class: "inside two" }, about, trial(path, method, operation)));
}

document.title = `${description.info.title}: API`;
document.getElementById("title").textContent = description.info.title;
document.getElementById("lead").textContent = description.info.description ?? "";
const main = document.getElementById("operations");
let group = null;
let first = true;
for (const [path, item] of Object.entries(description.paths)) {
  for (const method of METHODS.filter((one) => item[one])) {
    const operation = item[method];
    const tag = operation.tags?.[0] ?? "other";
    if (tag !== group) main.append(make("h2", { class: "group", text: tag }));
    group = tag;
    const open = first || location.hash === `#${operation.operationId}`;
    main.append(operationCard(path, method, operation, open));
    first = false;
  }
}
