import type { Port } from './port.ts';
import { decodeValue, encodeValue } from './values.ts';

/** Calls a host function by name. What it throws is thrown here, as the same kind of error. */
export function callHost(port: Port, name: string, args: readonly unknown[]): unknown {
  const answer = port.invoke(name, encodeValue(args));
  const content = decodeValue(answer.slice(1));
  if (answer.startsWith('V')) return content;
  const { kind, message } = content as { kind: string; message: string };
  const kinds = { TypeError, RangeError, SyntaxError } as const;
  const Kind = Object.hasOwn(kinds, kind) ? kinds[kind as keyof typeof kinds] : Error;
  throw new Kind(message);
}

/** What of this file runs inside, see program.ts. */
export const invokeProgram = [callHost];
