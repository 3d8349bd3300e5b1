import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../../shared/data/ccf-wire/', import.meta.url));

/** Said by tests that are skipped because the recordings are not beside the checkout. */
export const wireMissing = existsSync(root)
  ? false
  : 'the recorded exchanges ../shared/data/ccf-wire are not present';

/** One recorded HTTP message. */
export interface WireMessage {
  /** `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly start: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Reads `js/gov_service_info.req` and the like. */
export function readWire(name: string): WireMessage {
  const bytes = new Uint8Array(readFileSync(`${root}${name}`));
  const text = Buffer.from(bytes).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { start, headers: Object.fromEntries(headers), body: bytes.subarray(end + 4) };
}

/** The JSON body of a recorded answer. */
export function wireJson<T = Readonly<Record<string, unknown>>>(name: string): T {
  return JSON.parse(new TextDecoder().decode(readWire(name).body)) as T;
}
