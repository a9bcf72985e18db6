// Checks a value against the part of OpenAPI 3 that Cloudflare's public schema uses. Where the schema contradicts
// what the API does, the lenient reading is taken, and the place says so.

export type Schema = Record<string, unknown>;

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

interface Operation {
  requestBody?: { content: Record<string, { schema?: Schema }> };
  responses: Record<string, { content: Record<string, { schema?: Schema }> }>;
}

export type Direction = "request" | "response";

interface Check {
  document: Document;
  direction: Direction;
}

/** Fields that only the answer has, though the schema asks for them in the request as well. */
const GIVEN_BY_THE_PROVIDER = new Set(["id", "proxiable", "created_on", "modified_on"]);

/** What is wrong with it, in words; empty when nothing is. */
export function problems(check: Check, schema: Schema, value: unknown, at = "$"): string[] {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    const name = reference.split("/").at(-1) ?? "";
    const target = check.document.components.schemas[name];
    return target === undefined ? [`${at}: the schema has no ${name}`] : problems(check, target, value, at);
  }
  if (value === null && mayBeNull(schema)) return [];
  return [
    ...list(schema["allOf"]).flatMap((one) => problems(check, one, value, at)),
    ...anyOf(check, { schemas: list(schema["anyOf"]), value, at }),
    ...anyOf(check, { schemas: list(schema["oneOf"]), value, at }),
    ...ownProblems(check, schema, value, at),
  ];
}

/** Descriptions say "If `null`" of dates whose type alone would forbid it. */
function mayBeNull(schema: Schema): boolean {
  if (schema["nullable"] === true || list(schema["enum"]).length > 0) return true;
  const description = schema["description"];
  return (
    (typeof description === "string" && /\bif `null`/i.test(description)) ||
    // A record without a comment has null there.
    (typeof description === "string" && description.startsWith("Comments or notes"))
  );
}

function anyOf(
  check: Check,
  { schemas, value, at }: { schemas: Schema[]; value: unknown; at: string },
): string[] {
  if (schemas.length === 0) return [];
  const each = schemas.map((one) => problems(check, one, value, at));
  return each.some((found) => found.length === 0) ? [] : [`${at}: fits none of its forms`];
}

// One check a line reads better than a table here.
function ownProblems(check: Check, schema: Schema, value: unknown, at: string): string[] {
  const found: string[] = [];
  const type = schema["type"];
  if (typeof type === "string" && !hasType(type, value)) return [`${at}: not of type ${type}`];
  const allowed = schema["enum"];
  if (Array.isArray(allowed) && !allowed.includes(value))
    found.push(`${at}: not one of ${allowed.join(", ")}`);
  if (typeof value === "string") {
    const max = schema["maxLength"];
    if (typeof max === "number" && value.length > max) found.push(`${at}: longer than ${max}`);
    if (schema["format"] === "date-time" && Number.isNaN(Date.parse(value))) found.push(`${at}: no moment`);
    if (schema["format"] === "uuid" && !/^[0-9a-f-]{36}$/.test(value)) found.push(`${at}: no UUID`);
  }
  if (typeof value === "number") {
    const { minimum, maximum } = schema;
    if (typeof minimum === "number" && value < minimum) found.push(`${at}: below ${minimum}`);
    if (typeof maximum === "number" && value > maximum) found.push(`${at}: above ${maximum}`);
  }
  const items = schema["items"];
  if (Array.isArray(value) && isObject(items)) {
    value.forEach((one, index) => found.push(...problems(check, items, one, `${at}[${index}]`)));
  }
  if (isObject(value)) found.push(...memberProblems(check, schema, value, at));
  return found;
}

function memberProblems(check: Check, schema: Schema, value: Record<string, unknown>, at: string): string[] {
  const found: string[] = [];
  for (const name of strings(schema["required"])) {
    if (check.direction === "request" && GIVEN_BY_THE_PROVIDER.has(name)) continue;
    if (!Object.hasOwn(value, name)) found.push(`${at}: lacks ${name}`);
  }
  const properties = schema["properties"];
  if (!isObject(properties)) return found;
  for (const [name, one] of Object.entries(value)) {
    const property = properties[name];
    if (isObject(property)) found.push(...problems(check, property, one, `${at}.${name}`));
  }
  return found;
}

function hasType(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function list(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The operation that a call is, by the template of its path. */
export function operationOf(document: Document, method: string, path: string): Operation | undefined {
  const parts = path.split("/");
  for (const [template, operations] of Object.entries(document.paths)) {
    const wanted = template.split("/");
    const fits =
      wanted.length === parts.length && wanted.every((one, at) => one.startsWith("{") || one === parts[at]);
    if (fits) return operations[method.toLowerCase()];
  }
  return undefined;
}

export function responseSchema(operation: Operation, status: number): Schema | undefined {
  const responses = Object.entries(operation.responses);
  const exact = responses.find(([key]) => key === String(status));
  const group = responses.find(([key]) => key.toLowerCase() === `${Math.floor(status / 100)}xx`);
  return (exact ?? group)?.[1].content["application/json"]?.schema;
}
