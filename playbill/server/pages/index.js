// The try-it page: a form from the request schema, the answer as a figure and a bar.

import { ask, curl, exampleOf, fetchJson, make, plain, range, resolver } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);
let fields = [];
let threshold = 0.5;

function input(name, schema, nullable, value) {
  if (schema.enum || schema.type === "boolean") {
    const values = schema.enum ?? [true, false];
    const options = [...(nullable ? [["", "missing"]] : []), ...values.map((v) => [String(v), String(v)])];
    const select = make("select", { id: `field-${name}`, name });
    for (const [key, text] of options) {
      select.append(make("option", { value: key, text, selected: key === String(value ?? "") ? "" : null }));
    }
    return select;
  }
  const number = schema.type === "number" || schema.type === "integer";
  return make("input", {
    id: `field-${name}`, name, type: "text", inputmode: number ? "decimal" : null,
    value: value ?? "", placeholder: nullable ? "missing" : null, spellcheck: "false",
  });
}

function addField(name, raw, resolve) {
  const { schema, nullable } = plain(resolve(raw));
  const control = input(name, schema, nullable, exampleOf(raw, resolve));
  const about = [schema.description, schema.enum ? "" : range(schema)].filter(Boolean).join(" · ");
  const fault = make("div", { class: "fault", hidden: "" });
  const box = make("div", { class: "field" },
    make("label", { for: control.id, text: name }), control,
    fault, make("div", { class: "about", text: about }));
  $("fields").append(box);
  fields.push({ name, schema, nullable, control, box, fault });
}

// Typed as the contract says; what cannot be a number goes out as typed, and the server refuses it.
function valueOf({ schema, nullable, control }) {
  const text = control.value;
  if (text === "" && nullable) return null;
  if (schema.type === "boolean") return text === "true";
  if (schema.type === "number" || schema.type === "integer") {
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  }
  return text;
}

const row = () => Object.fromEntries(fields.map((field) => [field.name, valueOf(field)]));

function showCurl() {
  $("curl").textContent = curl("predict", row());
}

function bar(probability) {
  const draw = (tag, attributes, text) => {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  };
  const svg = draw("svg", { class: "bar", viewBox: "0 0 308 34", role: "img" });
  svg.append(
    draw("title", {}, `probability ${probability}, threshold ${threshold}`),
    draw("rect", { class: "track", x: 0, y: 4, width: 308, height: 12, rx: 6 }),
    draw("rect", { class: "level", x: 0, y: 4, width: Math.max(12, 308 * probability), height: 12, rx: 6 }),
    draw("line", { class: "mark", x1: 308 * threshold, x2: 308 * threshold, y1: 0, y2: 20 }),
    draw("text", { x: 308 * threshold, y: 31, "text-anchor": threshold > 0.85 ? "end" : threshold < 0.15 ? "start" : "middle" },
      `threshold ${threshold}`),
  );
  return svg;
}

// What moved the answer most, against the typical value of each field.
function contributions(found) {
  const moved = Object.entries(found).filter(([, by]) => by !== 0)
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 6);
  if (!moved.length) return [];
  return [make("h3", { text: "Moved by, against typical values" }), make("dl", {},
    ...moved.flatMap(([name, by]) => [
      make("dt", { text: name }), make("dd", { text: (by > 0 ? "+" : "") + by.toPrecision(2) })]))];
}

function showPrediction(found) {
  const isValue = found.value !== undefined; // a regression
  const figure = isValue ? found.value.toPrecision(5) : `${(100 * found.probability).toFixed(1)} %`;
  const others = typeof found.label === "boolean" ? [] : Object.entries(found.probabilities ?? {});
  $("answer").replaceChildren(
    make("div", { class: "figure", text: figure }),
    isValue ? "" : make("div", { class: `verdict ${found.label ? "yes" : "no"}`, text: `label: ${found.label}` }),
    typeof found.label === "boolean" ? bar(found.probability) : "",
    make("dl", {}, ...others.flatMap(([name, share]) => [
      make("dt", { text: name }), make("dd", { text: `${(100 * share).toFixed(1)} %` })])),
    ...contributions(found.contributions ?? {}),
    make("dl", {},
      make("dt", { text: "prediction" }), make("dd", { class: "mono", text: found.prediction_id }),
      make("dt", { text: "model" }),
      make("dd", { class: "mono", text: `${found.model} ${found.model_digest.slice(0, 19)}…` })),
  );
}

function showProblem(problem) {
  const place = (name) => fields.find((field) => field.name === name);
  for (const error of problem.errors ?? []) {
    const field = place(error.field);
    if (!field) continue;
    field.box.classList.add("bad");
    field.fault.textContent = error.reason;
    field.fault.hidden = false;
  }
  const list = (problem.errors ?? []).map((e) => make("li", { text: `${e.field || "body"}: ${e.reason}` }));
  $("answer").replaceChildren(
    make("div", { class: "problem", text: `${problem.status} ${problem.title}` }),
    make("p", { text: problem.detail }),
    make("ul", {}, ...list));
}

async function predict(event) {
  event.preventDefault();
  for (const { box, fault } of fields) {
    box.classList.remove("bad");
    fault.hidden = true;
  }
  showCurl();
  try {
    const response = await ask("predict?explain=true", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(row()),
    });
    const found = await response.json();
    (response.ok ? showPrediction : showProblem)(found);
    $("answer").scrollIntoView({ block: "nearest" }); // on a narrow screen it is below the form
  } catch (error) {
    showProblem({ status: "", title: "No answer", detail: String(error) });
  }
}

function fact(name, value) {
  $("facts").append(make("span", { class: "fact" }, `${name} `, make("b", { text: value })));
}

function showModel(model) {
  threshold = model.threshold;
  fact("model", `${model.name} ${model.model_digest.slice(7, 19)}`);
  if (typeof model.metrics.roc_auc === "number") fact("AUC on the hold-out", model.metrics.roc_auc.toFixed(3));
  fact("label is true from", String(threshold));
  fact("runtime", model.runtime);
}

const description = await fetchJson("openapi.json");
const resolve = resolver(description);
$("title").textContent = description.info.title;
document.title = description.info.title;
$("lead").textContent = description.info.description ?? "";
const schema = resolve(description.components.schemas.Row);
for (const [name, value] of Object.entries(schema.properties)) addField(name, value, resolve);
showCurl();
$("form").addEventListener("submit", predict);
$("form").addEventListener("input", showCurl);
$("form").addEventListener("reset", () => setTimeout(showCurl));
try {
  showModel(await fetchJson("model"));
} catch (error) {
  fact("model", "not ready");
}
if (new URLSearchParams(location.search).has("predict")) $("form").requestSubmit();
