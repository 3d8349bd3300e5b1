import { sha256 } from '@coco/crypto';

/** Bytes that look random and are the same for the same seed: a test that fails once fails again. */
export function seededBytes(seed: string): (length: number) => Uint8Array {
  let block = 0;
  let rest = new Uint8Array(0);
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      if (rest.length === 0) rest = new Uint8Array(sha256(`${seed}:${block++}`));
      const piece = rest.subarray(0, length - at);
      out.set(piece, at);
      at += piece.length;
      rest = rest.subarray(piece.length);
    }
    return out;
  };
}
