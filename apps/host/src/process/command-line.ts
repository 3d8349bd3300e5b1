import { parseArgs } from 'node:util';
import { parseDuration } from '../configuration/units.ts';
import { HostError, messageOf } from '../errors.ts';
import { type LogLevel, logLevels } from './log.ts';

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run';
      readonly configPath: string;
      /** How long to wait for the configuration file to appear, in milliseconds. */
      readonly configTimeoutMs: number;
      /** Only validate the configuration. */
      readonly check: boolean;
      readonly logLevel: LogLevel;
    };

/** The text of `--help`. */
export const helpText = `Usage: coco-node --config FILE [options]

Runs one node of a service until it is told to stop.

  -c, --config FILE          configuration file (JSON), required
      --config-timeout TIME  wait this long for the file to appear (default 0s)
      --check                validate the configuration and exit
      --log-level LEVEL      ${logLevels.join(', ')} (default info)
  -v, --version              print the version and exit
  -h, --help                 print this text and exit
`;

/** Reads the command line. @throws HostError `Configuration` */
export function parseCommandLine(args: readonly string[]): Command {
  const values = parse(args);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  if (values.config === undefined) throw refused('--config FILE is required');
  const logLevel = logLevels.find((level) => level === values['log-level'].toLowerCase());
  if (logLevel === undefined) throw refused(`--log-level: expected one of ${logLevels.join(', ')}`);
  const configTimeoutMs = parseDuration(values['config-timeout']);
  if (configTimeoutMs === undefined) throw refused('--config-timeout: expected a duration such as 10s');
  return { kind: 'run', configPath: values.config, configTimeoutMs, check: values.check, logLevel };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: 'string', short: 'c' },
        'config-timeout': { type: 'string', default: '0s' },
        check: { type: 'boolean', default: false },
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean', short: 'v', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw refused(messageOf(error));
  }
}

function refused(what: string): HostError {
  return new HostError('Configuration', `${what} (see coco-node --help)`);
}
