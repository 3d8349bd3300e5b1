import { type RequestOptions, request } from 'node:https';
import { messageOf } from '../errors.ts';
import { limits } from '../limits.ts';

/** How a fetch ended; what went wrong is a value, because the world is expected to be out of order. */
export type FetchResult = { readonly status: number; readonly body: Uint8Array } | { readonly error: string };

/**
 * Gets a resource over HTTPS, trusting only the given certificates. No redirects: the address was chosen by
 * governance, and a redirect would choose another.
 */
export function fetchResource(url: string, caPem: string): Promise<FetchResult> {
  const options: RequestOptions = {
    ca: caPem,
    minVersion: 'TLSv1.2',
    agent: false,
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(limits.fetchMsMax),
  };
  return new Promise((resolve) => {
    const fail = (thrown: unknown) => resolve({ error: `${url}: ${messageOf(thrown)}` });
    try {
      if (new URL(url).protocol !== 'https:') throw new Error('only https is fetched');
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
          resolve({ status: response.statusCode ?? 0, body: new Uint8Array(Buffer.concat(pieces)) });
        });
      });
      outgoing.on('error', fail);
      outgoing.end();
    } catch (error) {
      fail(error);
    }
  });
}
