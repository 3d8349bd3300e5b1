/** A JSON Schema, or any other part of a document: nothing about it is known yet. */
export type Json = Readonly<Record<string, unknown>>;

/** Deeper than any schema that people write; a schema that goes on is `unknown` from there. */
const depthMax = 24;

/** Where references of a schema lead: to named components, or to definitions in the schema itself. */
interface Scope {
  readonly definitions: Json;
  readonly depth: number;
}

/**
 * The TypeScript type of what a schema accepts, on one line. References to components become their names (see
 * `typeName`); what TypeScript cannot say (formats, bounds) is left out. Whatever the document holds, the text is
 * a type and nothing else.
 */
export function typeOf(schema: unknown): string {
  return typeIn(schema, { definitions: {}, depth: 0 });
}

/** The name of a component as a type. */
export function typeName(component: string): string {
  const words = component.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^[A-Za-z]/.test(name) ? name : `Schema${name}`;
}

/** A name in an object, quoted where it has to be. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** Whether a value of a document is an object with names. */
export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeIn(schema: unknown, outer: Scope): string {
  if (!isRecord(schema) || outer.depth > depthMax) return schema === false ? 'never' : 'unknown';
  const scope = {
    definitions: isRecord(schema.$defs) ? schema.$defs : outer.definitions,
    depth: outer.depth + 1,
  };
  const { $ref, anyOf, oneOf, allOf } = schema;
  if (typeof $ref === 'string') return referenced($ref, scope);
  if (Array.isArray(schema.enum)) return union(schema.enum.map(literal));
  if ('const' in schema) return literal(schema.const);
  const choices = Array.isArray(anyOf) ? anyOf : oneOf;
  if (Array.isArray(choices)) return union(choices.map((each) => typeIn(each, scope)));
  if (Array.isArray(allOf)) return allOf.map((each) => `(${typeIn(each, scope)})`).join(' & ') || 'unknown';
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const nullable = schema.nullable === true ? ['null'] : [];
  return union([...types.map((type) => plain(type, schema, scope)), ...nullable]);
}

function plain(type: unknown, schema: Json, scope: Scope): string {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      return listType(schema, scope);
    case 'object':
      return objectType(schema, scope);
    default:
      return isRecord(schema.properties) ? objectType(schema, scope) : 'unknown';
  }
}

function listType({ items, prefixItems }: Json, scope: Scope): string {
  if (!Array.isArray(prefixItems)) return `readonly (${typeIn(items, scope)})[]`;
  const rest = items === undefined || items === false ? [] : [`...(${typeIn(items, scope)})[]`];
  return `readonly [${[...prefixItems.map((each) => typeIn(each, scope)), ...rest].join(', ')}]`;
}

function objectType({ additionalProperties, properties, required }: Json, scope: Scope): string {
  const needed = new Set(Array.isArray(required) ? required : []);
  const fields = Object.entries(isRecord(properties) ? properties : {}).map(([name, schema]) => {
    const mark = needed.has(name) ? '' : '?';
    return `readonly ${propertyName(name)}${mark}: ${typeIn(schema, scope)}`;
  });
  if (fields.length > 0) return `{ ${fields.join('; ')} }`;
  const values = isRecord(additionalProperties) ? typeIn(additionalProperties, scope) : 'unknown';
  return `Readonly<Record<string, ${values}>>`;
}

function referenced(reference: string, scope: Scope): string {
  const component = /^#\/components\/schemas\/(.+)$/.exec(reference)?.[1];
  if (component !== undefined) return typeName(component);
  const definition = /^#\/\$defs\/(.+)$/.exec(reference)?.[1];
  return definition !== undefined && Object.hasOwn(scope.definitions, definition)
    ? typeIn(scope.definitions[definition], scope)
    : 'unknown';
}

function literal(value: unknown): string {
  const isLiteral = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return isLiteral ? JSON.stringify(value) : 'unknown';
}

function union(types: readonly string[]): string {
  const different = [...new Set(types)];
  if (different.length === 0) return 'never';
  return different.includes('unknown') ? 'unknown' : different.join(' | ');
}
