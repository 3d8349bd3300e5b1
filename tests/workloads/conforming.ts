// Holds what a service answers to the OpenAPI documents that it serves itself.
import assert from 'node:assert/strict';
import type { OpenApiDocument } from '@coco/api';
import type { Answer, Transport, WireRequest } from '@coco/client';
import { answerProblem } from '../../packages/api/src/testing/conformance.ts';

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A transport that fails when an answer of `/gov` or `/node` is not one of those its document declares. */
export function conforming(send: Transport): Transport {
  const documents = new Map<string, Promise<OpenApiDocument>>();
  const documentOf = (origin: string, frontend: string): Promise<OpenApiDocument> => {
    const url = `${origin}/${frontend}/api`;
    const served =
      documents.get(url) ??
      send({ method: 'GET', url, headers: {} }).then(
        ({ body }) => JSON.parse(decode(body)) as OpenApiDocument,
      );
    documents.set(url, served);
    return served;
  };
  return async (request) => {
    const answer = await send(request);
    const { origin, pathname } = new URL(request.url);
    const frontend = /^\/(gov|node)\//.exec(pathname)?.[1];
    if (frontend === undefined || pathname.endsWith('/api')) return answer;
    hold(await documentOf(origin, frontend), request, answer);
    return answer;
  };
}

function hold(document: OpenApiDocument, { method, url }: WireRequest, answer: Answer): void {
  const { body, headers, status } = answer;
  // Where another node is asked to answer, the document speaks of that one's answer.
  if (status === 307 || status === 308) return;
  const contentType = headers['content-type'];
  const { pathname } = new URL(url);
  const observed = { method, path: pathname, status, contentType, body: decode(body) };
  assert.equal(answerProblem(document, observed), undefined);
}
