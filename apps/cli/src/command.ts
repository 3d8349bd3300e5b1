import { CliError } from './errors.ts';

/** One option of a verb, in commander's notation: `--service-cert <pem>`. */
export interface Option {
  readonly flags: string;
  readonly summary: string;
  readonly default?: string;
  /** May be given several times. */
  readonly repeats?: boolean;
}

/** What a verb has to say. `json` is printed under `--json`, `text` otherwise. */
export interface Outcome {
  /** False: the check failed or the service refused; the exit code is 1. */
  readonly ok: boolean;
  readonly json: unknown;
  readonly text: string;
}

/** One thing that can be done with a noun: `coco receipt verify`. */
export interface Verb {
  readonly name: string;
  /** Arguments in commander's notation: `<file> [more...]`. */
  readonly arguments?: string;
  readonly summary: string;
  /** What to type, without `coco`. */
  readonly example: string;
  readonly options?: readonly Option[];
  run(input: Input, io: Io): Promise<Outcome>;
}

/** A noun with its verbs: what a file under commands/ exports. */
export interface Noun {
  readonly verbs: readonly Verb[];
}

/** A row of the command table. The file is loaded when the noun is used. */
export interface NounRow {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Noun>;
}

/** The process as commands see it. */
export interface Io {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Says how it goes, on standard error. */
  progress(line: string): void;
  readStdin(): Promise<Uint8Array>;
  /** Resolves when the user asks to stop (Ctrl-C), for commands that go on until then. */
  untilStopped(): Promise<void>;
}

/** Arguments and options as given, read by name. */
export interface Input {
  /** The argument at a place; the empty text when it is optional and absent. */
  argument(index: number): string;
  /** The arguments from a place on, of a verb that takes any number of them. */
  argumentsFrom(index: number): readonly string[];
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
  flag(option: string): boolean;
  /** A whole number, not negative; throws `Usage` for anything else. */
  whole(option: string): number | undefined;
}

/** Wraps what commander parsed. */
export function inputOf(args: readonly unknown[], options: Readonly<Record<string, unknown>>): Input {
  const text = (option: string) => {
    const value = options[option];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    argument: (index) => {
      const value = args[index];
      return typeof value === 'string' ? value : '';
    },
    argumentsFrom: (index) => args.slice(index).filter((value) => typeof value === 'string'),
    text,
    texts: (option) => {
      const value = options[option];
      return Array.isArray(value) ? value.map(String) : [];
    },
    flag: (option) => options[option] === true,
    whole: (option) => {
      const value = text(option);
      if (value === undefined) return undefined;
      if (/^[0-9]{1,15}$/.test(value)) return Number(value);
      throw new CliError('Usage', `--${dashed(option)} takes a whole number, not ${value}`);
    },
  };
}

/** The value of an option that the verb cannot do without; throws `Usage` naming it. */
export function needed(input: Input, option: string, hint: string): string {
  const value = input.text(option);
  if (value !== undefined) return value;
  throw new CliError('Usage', `--${dashed(option)} is needed: ${hint}`);
}

function dashed(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
