import manifest from '../../package.json' with { type: 'json' };
import { readConfiguration } from '../configuration/configuration.ts';
import { messageOf } from '../errors.ts';
import { type Command, helpText, parseCommandLine } from './command-line.ts';
import { Daemon, type MakeNode } from './daemon.ts';
import { createLog } from './log.ts';

const { version } = manifest;

/** Loads what makes nodes of a version: late, because what only looks at a configuration needs no contract engine. */
export type LoadMaker = (version: string) => Promise<MakeNode>;

/** The whole program: reads what it is to do, does it, and exits. */
export async function runProgram(args: readonly string[], load: LoadMaker): Promise<never> {
  try {
    process.exit(await main(args, load));
  } catch (error) {
    process.stderr.write(`coco-node: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** Answers the exit code. */
async function main(args: readonly string[], load: LoadMaker): Promise<number> {
  const command = parseCommandLine(args);
  switch (command.kind) {
    case 'help':
      process.stdout.write(helpText);
      return 0;
    case 'version':
      process.stdout.write(`coco-node ${version}\n`);
      return 0;
    case 'run':
      return run(command, load);
  }
}

async function run(command: Extract<Command, { kind: 'run' }>, load: LoadMaker): Promise<number> {
  const configuration = await readConfiguration(command.configPath, command.configTimeoutMs);
  if (command.check) {
    for (const warning of configuration.warnings) process.stdout.write(`${warning}\n`);
    process.stdout.write(`${command.configPath} is valid\n`);
    return 0;
  }
  const log = createLog(configuration.logging.format, command.logLevel);
  const daemon = new Daemon(configuration, log);
  process.on('uncaughtException', (error) => daemon.fail(error));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => daemon.stop(signal));
  log.write('info', 'host', `coco-node ${version}, process ${process.pid}`);
  await daemon.start(await load(version));
  return daemon.ended;
}
