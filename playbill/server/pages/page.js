// What both pages share. Text always enters the page as text, never as markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const KEY = "playbill-key";

// A request with the key of this tab; where the server wants one, the person is asked, once.
export async function ask(path, options = {}) {
  const send = () => {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
    return fetch(path, { ...options, headers });
  };
  const response = await send();
  if (response.status !== 401) return response;
  const key = window.prompt("This server asks for an API key (kept in this tab only):");
  if (!key) return response;
  sessionStorage.setItem(KEY, key.trim());
  return send();
}

export async function fetchJson(path) {
  const response = await ask(path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

export function resolver(document_) {
  return (schema) => {
    let found = schema ?? {};
    while (found.$ref) found = document_.components.schemas[found.$ref.split("/").pop()];
    return found;
  };
}

// A field's schema without its "or null", and whether null is allowed.
export function plain(schema) {
  if (!schema.anyOf) return { schema, nullable: schema.type === "null" };
  const others = schema.anyOf.filter((one) => one.type !== "null");
  return {
    schema: { ...schema, ...(others[0] ?? {}), anyOf: undefined },
    nullable: others.length < schema.anyOf.length,
  };
}

export function range(schema) {
  const wide = (value) => value === undefined || Math.abs(value) > Number.MAX_SAFE_INTEGER;
  const parts = [];
  if (!wide(schema.minimum) && !wide(schema.maximum)) {
    parts.push(`${schema.minimum} to ${schema.maximum}`);
  } else {
    if (!wide(schema.minimum)) parts.push(`≥ ${schema.minimum}`);
    if (!wide(schema.maximum)) parts.push(`≤ ${schema.maximum}`);
  }
  if (!wide(schema.exclusiveMinimum)) parts.push(`> ${schema.exclusiveMinimum}`);
  if (!wide(schema.exclusiveMaximum)) parts.push(`< ${schema.exclusiveMaximum}`);
  if (schema.maxItems !== undefined) parts.push(`${schema.minItems ?? 0} to ${schema.maxItems} items`);
  return parts.join(", ").replaceAll(" ", "\u00a0");
}

// A value that fits a schema, from its examples where it has some.
export function exampleOf(schema, resolve) {
  const found = resolve(schema);
  if (found.examples?.length) return found.examples[0];
  const { schema: own, nullable } = plain(found);
  if (own.enum) return own.enum[0];
  if (own.type === "object") {
    const entries = Object.entries(own.properties ?? {});
    return Object.fromEntries(entries.map(([name, value]) => [name, exampleOf(value, resolve)]));
  }
  if (own.type === "array") return [exampleOf(own.items, resolve)];
  if (nullable) return null;
  return { number: own.minimum ?? 0, integer: own.minimum ?? 0, boolean: true }[own.type] ?? "text";
}

export function curl(path, body) {
  const text = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl ${new URL(path, location.href)} \\\n  -H 'Content-Type: application/json' \\\n  -d '${text}'`;
}
