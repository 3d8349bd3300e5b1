import assert from 'node:assert/strict';
import { endpointsOf, openApi } from '@coco/api';
import { answerProblem } from '../../../api/src/testing/conformance.ts';

const info = { title: 'Governance', version: '1', description: 'What the tests of governance are held to' };
const document = openApi(info, endpointsOf('gov'));

/** Fails when an answer is not one that the OpenAPI document of `/gov` declares for its endpoint. */
export function assertConforms(
  method: string,
  path: string,
  answer: { status: number; headers: Readonly<Record<string, string>>; text: string },
): void {
  const { headers, status, text } = answer;
  const observed = { method, path, status, contentType: headers['content-type'], body: text };
  assert.equal(answerProblem(document, observed), undefined);
}
