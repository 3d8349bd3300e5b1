import type { Answer } from '../answer.ts';
import type { ClientError } from '../errors.ts';
import type { WireRequest, World } from '../transport.ts';

/** An answer with a JSON body (or none). */
export function answered(status: number, json?: unknown, headers: Record<string, string> = {}): Answer {
  const body = new TextEncoder().encode(json === undefined ? '' : JSON.stringify(json));
  return { status, headers, body };
}

/** The wire as data: each request takes the next line of the script. Time passes only by sleeping. */
export function scripted(script: readonly (Answer | ClientError)[]): {
  world: World;
  seen: WireRequest[];
  slept: number[];
} {
  const seen: WireRequest[] = [];
  const slept: number[] = [];
  let clock = 1_000_000;
  const world: World = {
    send: async (request) => {
      const line = script[seen.push(request) - 1];
      if (line === undefined) throw new Error(`no line for request ${seen.length}: ${request.url}`);
      if (line instanceof Error) throw line;
      return line;
    },
    sleep: async (ms) => {
      slept.push(ms);
      clock += ms;
    },
    now: () => clock,
  };
  return { world, seen, slept };
}
