import type { LoggedCallOut } from '@coco/api';
import { ClientError, jsonOf, type Session } from '@coco/client';
import { CliError } from '../errors.ts';

/** The calls that the contacted node noted after a number. Throws `Failed` with what it says when it refuses. */
export async function loggedCalls(session: Session, after: number): Promise<readonly LoggedCallOut[]> {
  const answer = await session.request({ method: 'GET', path: `/node/contract/log?after=${after}` });
  if (answer.status === 200) return jsonOf<{ calls: readonly LoggedCallOut[] }>(answer).calls;
  const { error } = jsonOf<{ error: { message: string } }>(answer);
  throw new CliError('Failed', error.message);
}

const followMs = 250;

/** Gives every call after a number to `say`, as they come, until it is stopped. */
export async function followLog(
  session: Session,
  after: number,
  stopped: Promise<unknown>,
  say: (call: LoggedCallOut) => void,
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
async function heard(session: Session, after: number): Promise<readonly LoggedCallOut[]> {
  try {
    return await loggedCalls(session, after);
  } catch (error) {
    if (error instanceof ClientError) return [];
    throw error;
  }
}

/** A call in lines: the request and its answer, then what was printed, then why it failed. */
export function callText(call: LoggedCallOut): string {
  const { method, path, status, transaction_id: txId, failure, printed } = call;
  const time = new Date(call.at).toISOString().slice(11, 23);
  return [
    [time, method, path, status, ...(txId === undefined ? [] : [txId])].join(' '),
    ...printed.map(({ level, text }) => indented(`${level.padEnd(5)} ${text}`)),
    ...(failure === undefined ? [] : failureLines(failure)),
  ].join('\n');
}

function failureLines({ reason, trace, limit }: NonNullable<LoggedCallOut['failure']>): readonly string[] {
  const what = limit === undefined ? reason : `${reason} (the limit of ${limit})`;
  return [indented(what), ...(trace === undefined ? [] : [indented(trace.trimEnd())])];
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
