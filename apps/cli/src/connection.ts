import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ProposalOut } from '@coco/api';
import {
  type Credentials,
  connect,
  idOf,
  keySigner,
  type MemoryStore,
  type Remembered,
  Session,
  type SessionOptions,
  type Signer,
  waitingFor,
} from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { parseCertificate } from '@coco/crypto';
import type { Input, Io, Option } from './command.ts';
import { CliError } from './errors.ts';
import { readCertificate, readJson, readText, writeFile } from './files.ts';
import { configDirectory, profileOf } from './profiles.ts';

/** The options of every verb that speaks to a service. */
export const connectionOptions: readonly Option[] = [
  { flags: '--address <url>', summary: 'a node of the service (repeatable)', repeats: true },
  { flags: '--service-cert <pem>', summary: 'the service certificate, by which the service is known' },
  { flags: '--cert <pem>', summary: 'your certificate' },
  { flags: '--key <pem>', summary: 'your private key' },
  { flags: '--jwt <token>', summary: 'a bearer token, or @file' },
  { flags: '--profile <name>', summary: 'take what is not given from this profile' },
];

/** What the options and the profile say about the other end and oneself. */
export interface Connection {
  readonly addresses: readonly string[];
  readonly serviceCertificate: string;
  /** PEM of who one is, also when the key is elsewhere. */
  readonly certificate: string | undefined;
  readonly client: { readonly certificate: string; readonly privateKey: string } | undefined;
  readonly jwt: string | undefined;
}

/** Gathers the connection options; options win over the profile. Throws `Usage` naming what is missing. */
export function connectionOf(input: Input, io: Io): Connection {
  const profile = profileOf(io, input.text('profile'));
  const given = input.texts('address');
  const addresses = given.length > 0 ? given : (profile.addresses ?? []);
  if (addresses.length === 0) throw new CliError('Usage', '--address is needed, or a profile that has one');
  const serviceCert = input.text('serviceCert') ?? profile.serviceCert;
  if (serviceCert === undefined) {
    const how = 'obtain it from a member, or see: coco service identity --help';
    throw new CliError('Usage', `--service-cert is needed to know the service by: ${how}`);
  }
  const cert = input.text('cert') ?? profile.cert;
  // A certificate that is given is not that of the key which the profile names.
  const key = input.text('key') ?? (input.text('cert') === undefined ? profile.key : undefined);
  if (cert === undefined && key !== undefined) throw new CliError('Usage', '--key needs the --cert it is of');
  const certificate = cert === undefined ? undefined : readCertificate(io, cert);
  const jwt = input.text('jwt') ?? (profile.jwt === undefined ? undefined : `@${profile.jwt}`);
  return {
    addresses,
    serviceCertificate: readCertificate(io, serviceCert),
    certificate,
    client:
      certificate === undefined || key === undefined
        ? undefined
        : { certificate, privateKey: readText(io, key) },
    jwt: jwt?.startsWith('@') ? readText(io, jwt.slice(1)).trim() : jwt,
  };
}

/** Runs `use` with a session to the service, checked for its identity and for not having gone back. */
export async function withSession<T>(
  input: Input,
  io: Io,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  return withConnection(connectionOf(input, io), io, use);
}

/** The same, for a connection at hand. */
export async function withConnection<T>(
  connection: Connection,
  io: Io,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { addresses, client, jwt, serviceCertificate } = connection;
  using transport = httpsTransport({ serviceCertificate, ...(client && { client }) });
  const credentials: Credentials = jwt === undefined ? { kind: 'none' } : { kind: 'jwt', token: jwt };
  const memory = memoryOf(io, serviceCertificate);
  const options: SessionOptions = { addresses, serviceCertificate, credentials, memory };
  return use(await connect(nodeWorld(transport), options));
}

/** A session that trusts whoever answers: only to look at an identity before it is pinned. */
export async function withStranger<T>(address: string, use: (session: Session) => Promise<T>): Promise<T> {
  using transport = httpsTransport({ serviceCertificate: '', trustAnybody: true });
  return use(new Session(nodeWorld(transport), { addresses: [address], serviceCertificate: '' }));
}

/** The proposals that wait for the vote of whoever connects. */
export async function waitingForMe(
  session: Session,
  { certificate }: Connection,
): Promise<readonly ProposalOut[]> {
  return certificate === undefined ? [] : waitingFor(session, idOf(certificate));
}

/** Who signs governance messages: the certificate and key of the connection. */
export function signerOf(connection: Connection): Signer {
  const { client } = connection;
  if (client === undefined) throw new CliError('Usage', '--cert and --key of the member are needed to sign');
  return keySigner(client.certificate, client.privateKey);
}

/** What is remembered of a service lies in the configuration folder, one file per service key. */
function memoryOf(io: Io, serviceCertificate: string): MemoryStore {
  const { id } = parseCertificate(serviceCertificate).publicKey;
  const file = join(configDirectory(io), 'seen', `${id}.json`);
  return {
    load: () => (existsSync(file) ? (readJson(io, file) as Remembered) : undefined),
    save: (remembered) => writeFile(io, file, JSON.stringify(remembered)),
  };
}
