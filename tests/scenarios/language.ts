import { Conversation } from './conversation.ts';

/** A scenario run against its file: the file as it should read, and the first line that differs. */
export interface Rehearsal {
  readonly rewritten: string;
  readonly failure: { readonly line: number; readonly text: string; readonly reason: string } | null;
}

const DIVIDER = '----';

/**
 * Runs a scenario: commands, one a line, each followed by `----` and the lines it is expected to print, up to
 * an empty line. Lines before a command that begin with `#` are comments. A command may go without `----`
 * when it prints nothing.
 */
export function rehearse(source: string): Rehearsal {
  const conversation = new Conversation();
  const lines = source.trimEnd().split('\n');
  const rewritten: string[] = [];
  let failure: Rehearsal['failure'] = null;
  for (let at = 0; at < lines.length; ) {
    const command = lines[at]!;
    at++;
    rewritten.push(command);
    if (command.trim() === '' || command.startsWith('#')) continue;
    const expected: string[] = [];
    if (lines[at] === DIVIDER) {
      for (at++; at < lines.length && lines[at] !== ''; at++) expected.push(lines[at]!);
    }
    const printed = run(conversation, command);
    // An empty line ends what is expected, so that the next command is not taken for a part of it.
    if (printed.length > 0) rewritten.push(DIVIDER, ...printed, ...(lines[at] === '' ? [] : ['']));
    const line = expected.length === 0 ? at - 1 : at - expected.length;
    failure ??= compare({ command, line, expected, printed });
  }
  return { rewritten: `${rewritten.join('\n').trimEnd()}\n`, failure };
}

function run(conversation: Conversation, command: string): string[] {
  try {
    return conversation.run(command);
  } catch (error) {
    return [`refused: ${error instanceof Error ? error.message : error}`];
  }
}

function compare(outcome: {
  readonly command: string;
  readonly line: number;
  readonly expected: readonly string[];
  readonly printed: readonly string[];
}): Rehearsal['failure'] {
  const { command, line, expected, printed } = outcome;
  for (let i = 0; i < Math.max(expected.length, printed.length); i++) {
    if (expected[i] === printed[i]) continue;
    const reason = `expected ${expected[i] ?? 'nothing more'}, got ${printed[i] ?? 'nothing more'}`;
    return { line: line + i + 1, text: command, reason };
  }
  return null;
}
