import { type ByteString, byteStringToUtf8, type WriteSet } from '@coco/kv';

/** What a value is: JSON if it is, otherwise text. Null: the key was removed. */
export type Shown = unknown;

/** Maps by name, in each the keys in their order: fit for a snapshot. */
export type ShownMaps = Readonly<Record<string, Readonly<Record<string, Shown>>>>;

/** A write set as a person reads it. */
export function showWrites(writeSet: WriteSet): ShownMaps {
  return Object.fromEntries(
    [...writeSet]
      .toSorted(byName)
      .map(([name, writes]) => [
        name,
        Object.fromEntries(
          [...writes]
            .toSorted(byName)
            .map(([key, value]) => [showText(key), value === null ? null : showValue(value)]),
        ),
      ]),
  );
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** JSON where it is JSON, text otherwise. */
export function showValue(value: ByteString): Shown {
  const text = showText(value);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Text as it is, but for what cannot be printed; bytes that are no text as `\xff`. */
export function showText(bytes: ByteString): string {
  const text = utf8Of(bytes);
  let shown = '';
  for (const char of text ?? bytes) {
    const code = char.codePointAt(0) as number;
    const isPrintable = code >= 0x20 && code !== 0x7f && (text !== undefined || code < 0x7f);
    shown += isPrintable ? char : `\\x${code.toString(16).padStart(2, '0')}`;
  }
  return shown;
}

function utf8Of(bytes: ByteString): string | undefined {
  try {
    return byteStringToUtf8(bytes);
  } catch {
    return undefined;
  }
}
