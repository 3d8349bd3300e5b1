import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Io } from './command.ts';
import { CliError } from './errors.ts';
import { readJson, writeFile } from './files.ts';

/** Where a service is and as whom to speak to it. Files are absolute paths; keys stay where they are. */
export interface Profile {
  readonly addresses?: readonly string[];
  readonly serviceCert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly encryptionKey?: string;
  /** File that holds a bearer token. */
  readonly jwt?: string;
}

/** The configuration file. */
export interface Config {
  /** The profile in use when none is named. */
  readonly current?: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

/** The folder of the configuration and of what is remembered of services. */
export function configDirectory(io: Io): string {
  const { COCO_HOME, XDG_CONFIG_HOME } = io.environment;
  return COCO_HOME ?? join(XDG_CONFIG_HOME ?? join(io.environment.HOME ?? homedir(), '.config'), 'coco');
}

/** Reads the configuration; an absent file is an empty one. */
export function readConfig(io: Io): Config {
  const file = join(configDirectory(io), 'config.json');
  if (!existsSync(file)) return { profiles: {} };
  const config = readJson(io, file);
  if (typeof config === 'object' && config !== null && 'profiles' in config) return config as Config;
  throw new CliError('Failed', `${file} is not a configuration: {"profiles": {...}}`);
}

/** Replaces the configuration. */
export function writeConfig(io: Io, config: Config): void {
  writeFile(io, join(configDirectory(io), 'config.json'), `${JSON.stringify(config, null, 2)}\n`, {
    secret: true,
  });
}

/** The profile of that name, or the one in use, or an empty one. Throws `Usage` for an unknown name. */
export function profileOf(io: Io, name: string | undefined): Profile {
  const config = readConfig(io);
  const wanted = name ?? io.environment.COCO_PROFILE ?? config.current;
  if (wanted === undefined) return {};
  const profile = Object.hasOwn(config.profiles, wanted) ? config.profiles[wanted] : undefined;
  if (profile !== undefined) return profile;
  throw new CliError('Usage', `there is no profile ${wanted}: coco profile list`);
}
