import assert from 'node:assert/strict';
import { errorCatalogue, governanceEndpoints, type Schema } from '@coco/api';
import type { GovResponse } from '../http.ts';

/** Fails when an answer is not one that the interface declares for its endpoint. */
export function assertConforms(method: string, template: string, response: GovResponse, text: string): void {
  const row = governanceEndpoints.find((each) => each.method === method && each.path === template);
  assert.ok(row !== undefined, `${method} ${template} is not declared`);
  const { status, headers } = response;
  if (status >= 400) {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    const known = errorCatalogue.find(([code]) => code === error.code);
    assert.ok(known !== undefined, `${error.code} is not in the catalogue`);
    assert.ok(
      (known[1] as readonly number[] | null)?.includes(status),
      `${error.code} with status ${status}`,
    );
    assert.equal(typeof error.message, 'string');
    return;
  }
  const declared = row.answers.find((answer) => answer.status === status);
  assert.ok(declared !== undefined, `${method} ${template} is not declared to answer ${status}`);
  const contentType = headers.find(([name]) => name === 'content-type')?.[1];
  if (declared.schema === undefined) return;
  // CCF sends the bytes of a proposal without saying what they are, and so do we: they are whatever was signed.
  if (!template.endsWith('/actions')) assert.equal(contentType, declared.contentType);
  const problem = mismatch(declared.schema, JSON.parse(text), '');
  assert.equal(problem, undefined, `${method} ${template}: ${problem}`);
}

/** Where a value is not what a schema says; knows the keywords that this project's schemas use. */
function mismatch(schema: Schema, value: unknown, at: string): string | undefined {
  const wrong = `${at || '(the whole)'} is ${JSON.stringify(value)}, but the schema says ${JSON.stringify(schema)}`;
  const { type, enum: allowed, pattern, anyOf, items, minimum } = schema as Record<string, never>;
  if (anyOf !== undefined) {
    const fits = (anyOf as readonly Schema[]).some((each) => mismatch(each, value, at) === undefined);
    return fits ? undefined : wrong;
  }
  if (type !== undefined && typeOf(value) !== type && !(type === 'number' && typeOf(value) === 'integer'))
    return wrong;
  if (allowed !== undefined && !(allowed as readonly unknown[]).includes(value)) return wrong;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(String(value))) return wrong;
  if (minimum !== undefined && Number(value) < minimum) return wrong;
  if (Array.isArray(value) && items !== undefined) {
    return firstOf(value.map((each, i) => () => mismatch(items, each, `${at}[${i}]`)));
  }
  return typeOf(value) === 'object'
    ? objectMismatch(schema, value as Record<string, unknown>, at)
    : undefined;
}

function objectMismatch(schema: Schema, value: Record<string, unknown>, at: string): string | undefined {
  const {
    required = [],
    properties = {},
    additionalProperties,
  } = schema as {
    required?: readonly string[];
    properties?: Record<string, Schema>;
    additionalProperties?: Schema;
  };
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${at}.${missing} is missing`;
  return firstOf(
    Object.entries(value).map(([name, each]) => () => {
      const declared = properties[name] ?? additionalProperties;
      return declared === undefined ? undefined : mismatch(declared, each, `${at}.${name}`);
    }),
  );
}

function firstOf(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
