import type { ByteString } from '@coco/kv';

// How keys of an index are laid out; the SDK reads them inside contracts (packages/sdk/src/index-key.ts).

/** A whole number in the order of its bytes. */
export function orderedNumber(value: number): ByteString {
  return fourBytes(Math.floor(value / 2 ** 32)) + fourBytes(value % 2 ** 32);
}

/** The row of a history: a key, its length in front, and the transaction that wrote it. */
export function historyRow(key: ByteString, seqno: number): ByteString {
  return fourBytes(key.length) + key + orderedNumber(seqno);
}

/** Several texts in one. */
export function joined(parts: readonly ByteString[]): ByteString {
  return parts.map((part) => fourBytes(part.length) + part).join('');
}

/** The texts that `joined` was given. */
export function split(text: ByteString): ByteString[] {
  const parts: ByteString[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 4 + numberOfFour(text, at);
    parts.push(text.slice(at + 4, end));
    at = end;
  }
  return parts;
}

function fourBytes(value: number): ByteString {
  return String.fromCharCode((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function numberOfFour(text: ByteString, at: number): number {
  const [a, b, c, d] = [0, 1, 2, 3].map((offset) => text.charCodeAt(at + offset)) as [
    number,
    number,
    number,
    number,
  ];
  return a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
}
