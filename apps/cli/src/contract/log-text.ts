import { ClientError, jsonOf, type Session } from '@coco/client';
import { CliError } from '../errors.ts';

/** A call of the contract as a node noted it. */
export interface LoggedCall {
  readonly number: number;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly transaction_id?: string;
  readonly failure?: { readonly reason: string; readonly trace?: string; readonly limit?: string };
  readonly printed: readonly { readonly level: string; readonly text: string }[];
}

/** The calls that the contacted node noted after a number. Throws `Failed` with what it says when it refuses. */
export async function loggedCalls(session: Session, after: number): Promise<readonly LoggedCall[]> {
  const answer = await session.request({ method: 'GET', path: `/node/contract/log?after=${after}` });
  if (answer.status === 200) return jsonOf<{ calls: readonly LoggedCall[] }>(answer).calls;
  const { error } = jsonOf<{ error: { message: string } }>(answer);
  throw new CliError('Failed', error.message);
}

const followMs = 250;

/** Gives every call after a number to `say`, as they come, until it is stopped. */
export async function followLog(
  session: Session,
  after: number,
  stopped: Promise<unknown>,
  say: (call: LoggedCall) => void,
): Promise<void> {
  const stop = stopped.then(() => true);
  let last = after;
  do {
    for (const call of await heard(session, last)) {
      say(call);
      last = call.number;
    }
  } while (!(await Promise.race([stop, session.world.sleep(followMs)])));
}

/** A node that does not answer at the moment has said nothing. */
async function heard(session: Session, after: number): Promise<readonly LoggedCall[]> {
  try {
    return await loggedCalls(session, after);
  } catch (error) {
    if (error instanceof ClientError) return [];
    throw error;
  }
}

/** A call in lines: the request and its answer, then what was printed, then why it failed. */
export function callText(call: LoggedCall): string {
  const { method, path, status, transaction_id: txId, failure, printed } = call;
  const time = new Date(call.at).toISOString().slice(11, 23);
  return [
    [time, method, path, status, ...(txId === undefined ? [] : [txId])].join(' '),
    ...printed.map(({ level, text }) => indented(`${level.padEnd(5)} ${text}`)),
    ...(failure === undefined ? [] : failureLines(failure)),
  ].join('\n');
}

function failureLines({ reason, trace, limit }: NonNullable<LoggedCall['failure']>): readonly string[] {
  const what = limit === undefined ? reason : `${reason} (the limit of ${limit})`;
  return [indented(what), ...(trace === undefined ? [] : [indented(trace.trimEnd())])];
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
