import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { HostError, messageOf } from '../errors.ts';
import { configurationSchema, type FieldMeta } from './schema.ts';

type Parsed = z.output<typeof configurationSchema>;

/** One interface with every default in place; addresses are as the file has them until they are bound. */
export type InterfaceConfiguration = Parsed['network']['rpc_interfaces'][string];

/** The configuration with every default in place: sizes in bytes, durations in milliseconds. */
export interface Configuration extends Parsed {
  /** The file as it was, for what is shown to clients in its own words. */
  readonly declared: {
    readonly network: { readonly rpc_interfaces: Record<string, Record<string, unknown>> };
  };
  /** What the operator should know though nothing is wrong. */
  readonly warnings: readonly string[];
}

/**
 * Reads the configuration file of a node: CCF's format, with our additions under `coco`. Waits up to
 * `timeoutMs` for the file to appear and be written, for another process may be about to put it in place.
 * @throws HostError `Configuration` naming each refused field, what is expected there and what was found
 */
export async function readConfiguration(path: string, timeoutMs: number): Promise<Configuration> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = read(path);
    if (typeof found === 'string' && found !== '') return parseConfiguration(found, path);
    if (performance.now() >= deadline) {
      const why = typeof found === 'string' ? 'it is empty' : messageOf(found);
      throw new HostError('Configuration', `${path}: cannot be read: ${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

function read(path: string): string | Error {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return error as Error;
  }
}

/** Pause between two looks for the file. */
const retryMs = 100;

/** Parses the text of a configuration file; `name` stands before each complaint. */
export function parseConfiguration(text: string, name: string): Configuration {
  let declared: unknown;
  try {
    declared = JSON.parse(text);
  } catch (error) {
    throw new HostError('Configuration', `${name}: is not JSON: ${messageOf(error)}`);
  }
  const result = configurationSchema.safeParse(declared, { reportInput: true });
  if (!result.success) {
    const complaints = result.error.issues.flatMap(explain).map((line) => `${name}: ${line}`);
    throw new HostError('Configuration', complaints.join('\n'));
  }
  return {
    ...result.data,
    declared: declared as Configuration['declared'],
    warnings: unusedFields(declared).map((path) => `${path} is accepted but has no effect`),
  };
}

/** The lines for one complaint of the schema: the path of the field, what is expected, what was found. */
function explain(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...path, key].join('.')}: no such field`);
  }
  const found = issue.input === undefined ? 'it is missing' : `found ${abbreviate(issue.input)}`;
  return [`${path.join('.') || 'the file'}: ${expectation(issue)}, ${found}`];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('expected') ? issue.message : `expected ${article(issue.expected)}`;
    case 'invalid_value':
      if (issue.message.startsWith('expected')) return issue.message;
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'invalid_union':
      return `expected an object with ${issue.discriminator ?? 'kind'} ${unionChoices(issue)}`;
    case 'too_small':
      return issue.origin === 'array'
        ? 'expected at least one element'
        : `expected at least ${issue.minimum}`;
    default:
      return issue.message;
  }
}

const discriminants: Readonly<Record<string, string>> = {
  type: '"Start", "Join" or "Recover"',
  kind: '"NodeByRole" or "StaticAddress"',
};

function unionChoices(issue: z.core.$ZodIssueInvalidUnion): string {
  return discriminants[issue.discriminator ?? ''] ?? 'of a known kind';
}

function article(type: string): string {
  if (type === 'int') return 'an integer';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function abbreviate(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** A field of the reference: its dotted path (`*` stands for any name, `[]` for any element). */
export interface FieldRow extends FieldMeta {
  readonly path: string;
}

/** Every field the parser knows, in the order of the schema. */
export function configurationFields(): FieldRow[] {
  const rows = new Map<string, FieldRow>();
  const schema = z.toJSONSchema(configurationSchema, { io: 'input', unrepresentable: 'any' });
  collect(schema as Described, '', rows);
  return [...rows.values()];
}

/** A JSON schema carries what `meta` was given beside its own keywords. */
type Described = z.core.JSONSchema.BaseSchema & Partial<FieldMeta>;

function collect(schema: Described, path: string, rows: Map<string, FieldRow>): void {
  const { description, mandatory, fallback, unused } = schema;
  if (path !== '' && description !== undefined && !rows.has(path)) {
    const row = { path, description, fallback, ...(mandatory && { mandatory }), ...(unused && { unused }) };
    rows.set(path, row);
  }
  const dot = path === '' ? '' : `${path}.`;
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    collect(inner as Described, dot + name, rows);
  }
  if (typeof schema.additionalProperties === 'object') {
    collect(schema.additionalProperties as Described, `${dot}*`, rows);
  }
  if (typeof schema.items === 'object') collect(schema.items as Described, `${path}[]`, rows);
  for (const option of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) {
    collect(option as Described, path, rows);
  }
}

/** Paths of the fields that stand in the file (not null) though they mean nothing here. */
function unusedFields(declared: unknown): string[] {
  const unused = configurationFields().filter((row) => row.unused);
  return unused.flatMap((row) => present(declared, row.path.split('.'), ''));
}

function present(value: unknown, names: readonly string[], path: string): string[] {
  const [name, ...rest] = names;
  if (name === undefined) return value === undefined || value === null ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  const keys = name === '*' ? Object.keys(value) : [name];
  return keys.flatMap((key) =>
    present((value as Record<string, unknown>)[key], rest, path === '' ? key : `${path}.${key}`),
  );
}
