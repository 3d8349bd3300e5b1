import { fromBase64, toBase64 } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { pemBlocksMax, pemCharsMax } from './limits.ts';

/** One block of a PEM text: `label` as between BEGIN and the dashes. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const beginLine = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----$/;
const charsPerLine = 64;

/** Writes one PEM block (RFC 7468): lines of 64 characters, a newline at the end. */
export function encodePem(label: string, der: Uint8Array): string {
  const text = toBase64(der);
  const lines = [`-----BEGIN ${label}-----`];
  for (let i = 0; i < text.length; i += charsPerLine) lines.push(text.slice(i, i + charsPerLine));
  lines.push(`-----END ${label}-----`, '');
  return lines.join('\n');
}

/**
 * Reads every block of a PEM text, in order. Text outside blocks is ignored, as RFC 7468 allows; inside a
 * block only base64 lines may stand. Throws `InvalidEncoding` when a block is damaged, or when there is none.
 */
export function decodePem(text: string): PemBlock[] {
  if (text.length > pemCharsMax) {
    throw new CryptoError('InvalidEncoding', `PEM text of ${text.length} characters: at most ${pemCharsMax}`);
  }
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  for (const rawLine of text.split('\n')) {
    const line = rawLine.trim();
    const begin = beginLine.exec(line)?.[1];
    if (label === undefined) {
      if (begin === undefined) continue;
      label = begin;
      body = [];
      if (blocks.length === pemBlocksMax) {
        throw new CryptoError('InvalidEncoding', `PEM text has more than ${pemBlocksMax} blocks`);
      }
    } else if (line === `-----END ${label}-----`) {
      blocks.push({ label, der: fromBase64(body.join('')) });
      label = undefined;
    } else {
      body.push(line);
    }
  }
  if (label !== undefined) throw new CryptoError('InvalidEncoding', `PEM block ${label} has no end line`);
  if (blocks.length === 0) throw new CryptoError('InvalidEncoding', 'text has no PEM block');
  return blocks;
}

/** The DER of the single block of `text`, which must bear one of `labels`. Throws `InvalidEncoding`. */
export function singlePem(text: string, ...labels: readonly string[]): PemBlock {
  const blocks = decodePem(text);
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1 || !labels.includes(block.label)) {
    const found = blocks.map((found) => found.label).join(', ');
    throw new CryptoError('InvalidEncoding', `expected one PEM block ${labels.join(' or ')}, found ${found}`);
  }
  return block;
}
