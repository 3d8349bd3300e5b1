import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { FetchRequest, FetchResult } from '@coco/node';
import { messageOf } from '../errors.ts';
import type { Identity } from '../http/listener.ts';
import { limits } from '../limits.ts';

/**
 * Asks another server over HTTPS, trusting only the given certificates. No redirects: the address was chosen by
 * governance or by the operator, and a redirect would choose another; the node decides.
 *
 * With `own` the other end is a node of the service, to which this one shows who it is. The service certifies nobody
 * but its nodes, so a certificate it issued is proof enough, whatever the address it was reached by.
 */
export function fetchResource(wanted: FetchRequest, own: Identity | null): Promise<FetchResult> {
  const { url, method, headers, body, caPem } = wanted;
  const options: RequestOptions = {
    method,
    ca: caPem,
    minVersion: 'TLSv1.2',
    agent: false,
    headers: { ...headers, ...(body === null ? {} : { 'content-length': String(body.length) }) },
    signal: AbortSignal.timeout(limits.fetchMsMax),
    ...(own && { cert: own.certificatePem, key: own.privateKeyPem, checkServerIdentity: () => undefined }),
  };
  return new Promise((resolve) => {
    const fail = (thrown: unknown) => resolve({ error: `${url}: ${messageOf(thrown)}` });
    try {
      if (new URL(url).protocol !== 'https:') throw new Error('only https is fetched');
      if (wanted.presentsNode && own === null) throw new Error('the node has no identity to present yet');
      const outgoing = request(url, options, (response) => {
        const pieces: Uint8Array[] = [];
        let bytes = 0;
        response.on('data', (piece: Uint8Array) => {
          bytes += piece.length;
          pieces.push(piece);
          if (bytes > limits.fetchBytesMax)
            outgoing.destroy(new Error(`more than ${limits.fetchBytesMax} bytes`));
        });
        response.on('error', fail);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          resolve({ status, headers: joined(response.headers), body: new Uint8Array(Buffer.concat(pieces)) });
        });
      });
      outgoing.on('error', fail);
      outgoing.end(body ?? undefined);
    } catch (error) {
      fail(error);
    }
  });
}

function joined(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}
