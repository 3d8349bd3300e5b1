import { cursorOf } from './cursor.ts';
import { sandbox } from './sandbox.ts';

/**
 * Binds content to the transaction: its receipt then proves that exactly this content was claimed, to whoever is
 * shown both. Answers the SHA-256 digest in hex. One claim per transaction: the last counts.
 *
 * @example claim(JSON.stringify(order))
 */
export function claim(content: string | ArrayBuffer): string {
  const { crypto, rpc, strToBuf } = sandbox();
  const digest = crypto.digest('SHA-256', typeof content === 'string' ? strToBuf(content) : content);
  rpc.setClaimsDigest(digest);
  return cursorOf(digest);
}
