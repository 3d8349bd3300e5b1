import { type DestinationStream, destination, pino } from 'pino';

/** Severities, as `--log-level` names them, least severe first. */
export const logLevels = ['trace', 'debug', 'info', 'fail', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line of the log. */
export type LogLine = (level: LogLevel, source: string, message: string) => void;

/** The log of the daemon. */
export interface Log {
  readonly write: LogLine;
}

const severities = { trace: 10, debug: 20, info: 30, fail: 50, fatal: 60 } as const;

/** A log on standard output in one of the forms of `logging.format`, leaving out what is below `level`. */
export function createLog(format: 'Text' | 'Json', level: LogLevel): Log {
  // Line by line and at once: a log is read most closely after the process died.
  const sink = destination({ dest: 1, sync: true });
  // A reader of the log that goes away must not take the node with it.
  sink.on('error', () => {});
  return { write: format === 'Json' ? jsonLines(level, sink) : textLines(level, sink) };
}

/** Lines of JSON with the field names of CCF's: `h_ts`, `level`, `tag`, `msg`. */
export function jsonLines(level: LogLevel, sink: DestinationStream): LogLine {
  const logger = pino(
    {
      level,
      customLevels: severities,
      useOnlyCustomLevels: true,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"h_ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return (at, source, message) => logger[at]({ tag: source }, message);
}

/** Lines for people: time, level, source, message. */
export function textLines(level: LogLevel, sink: DestinationStream): LogLine {
  const least = severities[level];
  return (at, source, message) => {
    if (severities[at] < least) return;
    sink.write(`${new Date().toISOString()} [${at.padEnd(5)}] ${source} | ${oneLine(message)}\n`);
  };
}

/** Contracts log what callers sent them: a line must not be able to look like two. */
function oneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return message.replace(/[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]/g, (c) => (c === '\n' ? '\\n' : escaped(c)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
