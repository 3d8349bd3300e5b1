import { Command, CommanderError } from 'commander';
import {
  type Io,
  inputOf,
  type Noun,
  type NounRow,
  type Option,
  type Outcome,
  type Verb,
} from './command.ts';
import { CliError } from './errors.ts';

/** What a run of `coco` comes to. Exit codes: 0 done, 1 refused or failed, 2 not understood. */
export interface Ending {
  readonly code: 0 | 1 | 2;
  readonly out: string;
  readonly error: string;
}

const usage = 2;

/** Parses the words after `coco`, runs the verb they name, and says how it ended. Never throws. */
export async function run(rows: readonly NounRow[], words: readonly string[], io: Io): Promise<Ending> {
  const said = { out: '', error: '' };
  const ended: { outcome?: Outcome } = {};
  const json = words.includes('--json');
  const program = base(
    'coco',
    'A confidential consortium ledger: the tool of members, users and auditors',
    said,
  );
  const wanted = words.find((word) => !word.startsWith('-'));
  for (const row of rows) {
    const command = program.command(row.name).description(row.summary);
    if (row.name === wanted) addVerbs(command, await row.load(), io, ended);
  }
  program.addHelpText(
    'after',
    '\nExample:\n  $ coco service info --address https://127.0.0.1:8000 --service-cert service_cert.pem',
  );
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    return refused(error, json, said);
  }
  const { outcome } = ended;
  if (outcome === undefined) return { code: 0, ...said };
  const body = json ? `${JSON.stringify(outcome.json, null, 2)}\n` : lines(outcome.text);
  return { code: outcome.ok ? 0 : 1, out: said.out + body, error: said.error };
}

function base(name: string, summary: string, said: { out: string; error: string }): Command {
  return new Command(name)
    .description(summary)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        said.out += text;
      },
      writeErr: (text) => {
        said.error += text;
      },
      // The same everywhere, so that the reference in docs/use/cli.md is the help to the letter.
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .showSuggestionAfterError(true)
    .helpCommand(false);
}

function addVerbs(command: Command, noun: Noun, io: Io, ended: { outcome?: Outcome }): void {
  for (const verb of noun.verbs) {
    // A noun with one verb of its own name has no second word: `coco dev`.
    const own = verb.name === command.name() ? command : command.command(verb.name);
    own.description(verb.summary);
    if (verb.arguments !== undefined) own.arguments(verb.arguments);
    for (const option of [...(verb.options ?? []), json]) addOption(own, option);
    own.addHelpText('after', `\nExample:\n  $ coco ${verb.example}`);
    own.action(async (...given: unknown[]) => {
      const options = own.opts();
      ended.outcome = await verb.run(inputOf(given.flat(), options), io);
    });
  }
}

const json: Option = { flags: '--json', summary: 'print JSON' };

function addOption(command: Command, option: Option): void {
  if (option.repeats === true) {
    const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value];
    command.option(option.flags, option.summary, collect);
  } else {
    command.option(option.flags, option.summary, option.default);
  }
}

function refused(error: unknown, json: boolean, said: { out: string; error: string }): Ending {
  if (error instanceof CommanderError) {
    // Asking for help ends that way as well; a noun without a verb shows its help and is a mistake.
    const code = error.exitCode === 0 ? 0 : usage;
    return { code, ...said };
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof CliError && error.code === 'Usage' ? usage : 1;
  const named = error instanceof Error && 'code' in error ? { code: error.code } : {};
  const out = json ? `${JSON.stringify({ error: { ...named, message } }, null, 2)}\n` : '';
  return { code, out, error: `coco: ${message}\n` };
}

function lines(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** The verbs of a noun with all they take, for completion and the reference. */
export function optionsOf(verb: Verb): readonly Option[] {
  return [...(verb.options ?? []), json];
}
