import { resolve } from 'node:path';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { type Profile, readConfig, writeConfig } from '../profiles.ts';
import { columns, facts } from '../text.ts';

/** `coco profile`: addresses and keys under a name. */
export const profile: Noun = {
  verbs: [
    {
      name: 'set',
      arguments: '<name>',
      summary: 'Make a profile or change what is given; the first one is used from then on',
      example: 'profile set acme --address https://10.0.0.4:8000 --service-cert service_cert.pem',
      options: [
        { flags: '--address <url>', summary: 'a node of the service (repeatable)', repeats: true },
        { flags: '--service-cert <pem>', summary: 'the service certificate' },
        { flags: '--cert <pem>', summary: 'your certificate' },
        { flags: '--key <pem>', summary: 'your private key' },
        { flags: '--encryption-key <pem>', summary: 'a member: your private encryption key' },
        { flags: '--jwt <file>', summary: 'a file that holds a bearer token' },
      ],
      run: set,
    },
    {
      name: 'list',
      summary: 'The profiles',
      example: 'profile list',
      run: async (_input, io) => {
        const config = readConfig(io);
        const rows = Object.entries(config.profiles).map(([name, { addresses }]) => [
          name === config.current ? '*' : ' ',
          name,
          addresses?.join(' ') ?? '',
        ]);
        return { ok: true, json: config, text: rows.length === 0 ? 'no profiles yet' : columns(rows) };
      },
    },
    {
      name: 'show',
      arguments: '<name>',
      summary: 'What a profile says',
      example: 'profile show acme',
      run: async (input, io) => {
        const found = existing(input, io);
        const pairs = Object.entries(found).map(([key, value]): [string, string] => [
          key,
          [value].flat().join(' '),
        ]);
        return { ok: true, json: found, text: facts(pairs) };
      },
    },
    {
      name: 'use',
      arguments: '<name>',
      summary: 'Use a profile when none is named',
      example: 'profile use acme',
      run: async (input, io) => {
        existing(input, io);
        const name = input.argument(0);
        writeConfig(io, { ...readConfig(io), current: name });
        return { ok: true, json: { current: name }, text: `using ${name}` };
      },
    },
    {
      name: 'remove',
      arguments: '<name>',
      summary: 'Forget a profile; the files it names stay',
      example: 'profile remove acme',
      run: async (input, io) => {
        existing(input, io);
        const name = input.argument(0);
        const { current, profiles } = readConfig(io);
        const { [name]: _removed, ...rest } = profiles;
        const kept = current === undefined || current === name ? {} : { current };
        writeConfig(io, { ...kept, profiles: rest });
        return { ok: true, json: { removed: name }, text: `removed ${name}` };
      },
    },
  ],
};

async function set(input: Input, io: Io): Promise<Outcome> {
  const name = input.argument(0);
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw new CliError('Usage', `${name} is no name for a profile`);
  const config = readConfig(io);
  const files = ['serviceCert', 'cert', 'key', 'encryptionKey', 'jwt'].flatMap((option) => {
    const file = input.text(option);
    return file === undefined ? [] : [[option, resolve(io.directory, file)]];
  });
  const addresses = input.texts('address');
  const changed: Profile = {
    ...config.profiles[name],
    ...(addresses.length === 0 ? {} : { addresses }),
    ...Object.fromEntries(files),
  };
  const profiles = { ...config.profiles, [name]: changed };
  writeConfig(io, { current: config.current ?? name, profiles });
  return { ok: true, json: changed, text: `saved ${name}` };
}

function existing(input: Input, io: Io): Profile {
  const name = input.argument(0);
  const { profiles } = readConfig(io);
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (found !== undefined) return found;
  throw new CliError('Failed', `there is no profile ${name}`);
}
