import type { ByteString } from '@coco/crypto';
import type { DecodedEntry } from '@coco/ledger';

/** An entry in JSON, for people: keys and values as text or JSON where they are, else `hex:...`. */
export function entryJson(entry: DecodedEntry): Record<string, unknown> {
  const maps = [...entry.writeSet].map(([map, writes]) => {
    const rows = [...writes].map(([key, value]) => [
      shownKey(key),
      value === null ? null : shownValue(value),
    ]);
    return [map, Object.fromEntries(rows)];
  });
  return {
    transactionId: `${entry.view}.${entry.seqno}`,
    type: entry.type,
    flags: entry.flags,
    claimsDigest: hexOf(entry.claimsDigest),
    commitEvidenceDigest:
      entry.commitEvidenceDigest === undefined ? undefined : hexOf(entry.commitEvidenceDigest),
    writeSetDigest: hexOf(entry.writeSetDigest),
    leaf: hexOf(entry.leaf),
    maps: Object.fromEntries(maps),
  };
}

/** Hexadecimal of a byte string. */
export function hexOf(bytes: ByteString): string {
  return Array.from(bytes, (character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

function shownKey(key: ByteString): string {
  return textOf(key) ?? `hex:${hexOf(key)}`;
}

function shownValue(value: ByteString): unknown {
  const text = textOf(value);
  if (text === undefined) return `hex:${hexOf(value)}`;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Undefined when the bytes are no text that people read: not UTF-8, or with control characters. */
function textOf(bytes: ByteString): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(bytes, (character) => character.charCodeAt(0)),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what makes it no text.
    return /[\u0000-\u0008\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
