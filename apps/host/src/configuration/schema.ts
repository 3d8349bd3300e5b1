import { z } from 'zod';
import { parseAddress, parseDuration, parseSize } from './units.ts';

const sizeHint = 'a size as a string, such as "5MB" or "16KB"';
const durationHint = 'a duration as a string, such as "100ms", "10s" or "30min"';
const addressHint = 'an address "host:port", IPv6 hosts in brackets';

/** A quantity written as text, read into a number. */
const quantity = (hint: string, read: (text: string) => number | undefined) =>
  z.string({ error: `expected ${hint}` }).transform((text, context) => {
    const value = read(text);
    if (value === undefined) context.addIssue({ code: 'custom', message: `expected ${hint}`, input: text });
    return value ?? z.NEVER;
  });

const size = quantity(sizeHint, parseSize);
const duration = quantity(durationHint, parseDuration);
const address = z
  .string({ error: `expected ${addressHint}` })
  .refine((text) => parseAddress(text) !== undefined, { error: `expected ${addressHint}` });
const loopback = address.refine(
  (text) => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(parseAddress(text)?.host ?? ''),
  { error: 'expected a loopback address: metrics are served without TLS' },
);
const count = z.int().min(0);
const atLeastOne = z.int().min(1);
const path = (hint: string) => z.string({ error: hint }).min(1, { error: hint });
const file = path('expected the path of a file');
const folder = path('expected the path of a directory');
const boolean = z.boolean();

/** What the reference says of a field, beside its name. */
export interface FieldMeta {
  readonly description: string;
  readonly mandatory?: true;
  /** What holds when the field is left out or null, as the file would write it. */
  readonly fallback?: unknown;
  /** Accepted so that a CCF configuration loads, but without effect; a warning says so. */
  readonly unused?: true;
}

const required = <T extends z.ZodType>(schema: T, description: string): T =>
  schema.meta({ description, mandatory: true } satisfies FieldMeta);

const field = <T extends z.ZodType>(schema: T, fallback: z.input<T>, description: string) =>
  z.preprocess((value) => value ?? fallback, schema).meta({ description, fallback } satisfies FieldMeta);

/** A field without a default: null when it is left out. */
const optional = <T extends z.ZodType>(schema: T, description: string) =>
  schema
    .nullish()
    .transform((value): z.output<T> | null => value ?? null)
    .meta({ description } satisfies FieldMeta);

/** A field of CCF that means nothing here. */
const unused = (description: string) =>
  z
    .unknown()
    .optional()
    .meta({ description, unused: true } satisfies FieldMeta);

/** A group of fields that may be left out as a whole: each field then has its default. */
const section = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.preprocess((value) => value ?? {}, z.strictObject(shape));

const httpConfiguration = section({
  max_body_size: field(size, '1MB', 'Largest request body; a larger one is refused with 413.'),
  max_header_size: field(size, '16KB', 'Largest header of a request, and of all its headers together (431).'),
  max_headers_count: field(atLeastOne, 256, 'Most headers of a request (431).'),
  max_concurrent_streams_count: unused('HTTP/2: streams open at a time in one session.'),
  initial_window_size: unused('HTTP/2: flow-control window of a stream.'),
  max_frame_size: unused('HTTP/2: largest frame.'),
});

const redirection = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('NodeByRole'),
    target: z.strictObject({
      role: z.enum(['primary', 'backup']).default('primary'),
      interface: z.string().nullable().default(null),
    }),
  }),
  z.strictObject({ kind: z.literal('StaticAddress'), target: z.strictObject({ address }) }),
]);

const rpcInterface = z
  .strictObject({
    bind_address: required(address, 'Address to listen on; port 0 lets the system choose.'),
    published_address: optional(
      address,
      'Address told to clients; the bound one when left out or with port 0.',
    ),
    protocol: field(z.enum(['tcp']), 'tcp', 'Transport.'),
    app_protocol: field(
      z.enum(['HTTP1'], { error: 'expected "HTTP1"; HTTP/2 is not offered yet' }),
      'HTTP1',
      'Protocol of the sessions.',
    ),
    max_open_sessions_soft: field(count, 1000, 'Sessions beyond this number are answered 503 and closed.'),
    max_open_sessions_hard: field(count, 1010, 'Connections beyond this number are closed before TLS.'),
    http_configuration: httpConfiguration,
    endorsement: section({
      authority: field(
        z.enum(['Service', 'Node', 'Unsecured']),
        'Service',
        'Who vouches for the certificate presented: the service, the node itself, or plain TCP.',
      ),
    }),
    accepted_endpoints: optional(
      z.array(z.string().refine(isRegularExpression, { error: 'expected a regular expression' })),
      'Regular expressions of the paths served; all paths when left out, none if `Unsecured`.',
    ),
    forwarding_timeout_ms: field(
      atLeastOne,
      3000,
      'Milliseconds of patience with a primary that a request was forwarded to.',
    ),
    redirections: optional(
      z.strictObject({ to_primary: redirection.optional(), to_backup: redirection.optional() }),
      'How a request that another node must serve is redirected.',
    ),
    enabled_operator_features: unused('Snapshot and ledger download by operators.'),
  })
  .refine((value) => value.max_open_sessions_hard >= value.max_open_sessions_soft, {
    path: ['max_open_sessions_hard'],
    error: 'expected at least max_open_sessions_soft',
  });

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

const network = z.strictObject({
  node_to_node_interface: z.strictObject({
    bind_address: required(address, 'Address for the other nodes; port 0 lets the system choose.'),
    published_address: optional(address, 'Address told to the other nodes; the bound one when left out.'),
  }),
  rpc_interfaces: required(
    z.record(z.string(), rpcInterface).refine((value) => Object.keys(value).length > 0, {
      error: 'expected at least one interface',
    }),
    'Doors for clients, by name.',
  ),
});

const member = z.strictObject({
  certificate_file: required(file, 'Certificate of the member (PEM).'),
  encryption_public_key_file: optional(file, 'Public key that recovery shares are wrapped for (PEM).'),
  data_json_file: optional(file, 'Data about the member (JSON).'),
  recovery_role: optional(z.enum(['NonParticipant', 'Participant', 'Owner']), 'Part in disaster recovery.'),
});

const start = z.strictObject({
  constitution_files: required(z.array(file).min(1), 'Scripts of the constitution, joined in this order.'),
  members: required(z.array(member).min(1), 'Members of the consortium at the start.'),
  service_configuration: section({
    recovery_threshold: field(count, 0, 'Shares needed to recover; 0: as many as initial recovery members.'),
    maximum_node_certificate_validity_days: field(
      atLeastOne,
      365,
      'Bound for `set_node_certificate_validity`.',
    ),
    maximum_service_certificate_validity_days: field(
      atLeastOne,
      365,
      'Bound for `set_service_certificate_validity`.',
    ),
    recent_cose_proposals_window_size: field(atLeastOne, 100, 'Proposals remembered against replay.'),
  }),
  initial_service_certificate_validity_days: field(
    atLeastOne,
    1,
    'Validity of the first service certificate.',
  ),
  service_subject_name: field(z.string().min(1), 'CN=CCF Service', 'Subject of the service certificate.'),
  cose_signatures: optional(
    z.strictObject({
      issuer: required(z.string(), 'Issuer in the claims of COSE ledger signatures.'),
      subject: required(z.string(), 'Subject in the claims of COSE ledger signatures.'),
    }),
    'Issuer and subject of the COSE ledger signatures.',
  ),
});

const join = z.strictObject({
  target_rpc_address: required(address, 'A node of the service to join.'),
  retry_timeout: field(duration, '1000ms', 'Pause between two requests to join.'),
  follow_redirect: field(boolean, true, 'Whether a redirect to the primary is followed.'),
  fetch_recent_snapshot: field(boolean, true, 'Whether a snapshot is fetched before joining.'),
  fetch_snapshot_max_attempts: field(atLeastOne, 3, 'Attempts to fetch a snapshot.'),
  fetch_snapshot_retry_interval: field(duration, '1000ms', 'Pause between two such attempts.'),
  fetch_snapshot_max_size: field(size, '10GB', 'Largest snapshot fetched.'),
  host_data_transparent_statement_path: unused('Transparent statement about the host data.'),
});

const recover = z.strictObject({
  previous_service_identity_file: required(file, 'Certificate of the lost service (PEM).'),
  initial_service_certificate_validity_days: field(atLeastOne, 1, 'Validity of the new service certificate.'),
  previous_sealed_ledger_secret_location: unused('Locally sealed ledger secrets.'),
});

const serviceCertificateFile = field(
  file,
  'service_cert.pem',
  'Start and Recover: where the service certificate is written. Join: certificate of the service to join.',
);

/** Only the section that `type` names is looked at; scripts leave the others in. */
const command = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('Start'),
    service_certificate_file: serviceCertificateFile,
    start,
    join: z.unknown().optional(),
    recover: z.unknown().optional(),
  }),
  z.strictObject({
    type: z.literal('Join'),
    service_certificate_file: serviceCertificateFile,
    start: z.unknown().optional(),
    join,
    recover: z.unknown().optional(),
  }),
  z.strictObject({
    type: z.literal('Recover'),
    service_certificate_file: serviceCertificateFile,
    start: z.unknown().optional(),
    join: z.unknown().optional(),
    recover,
  }),
]);

const attestation = section({
  snp_security_policy_file: optional(file, 'SEV-SNP security policy, base64.'),
  snp_uvm_endorsements_file: optional(file, 'SEV-SNP UVM endorsements, base64.'),
  snp_endorsements_file: optional(
    file,
    "SEV-SNP hardware endorsements: PEM, from the chip's key to the root.",
  ),
  snp_endorsements_servers: field(
    z.array(
      z.strictObject({
        type: z.enum(['Azure', 'AMD', 'THIM']).default('Azure'),
        url: z.string().optional(),
        max_retries_count: z.number().optional(),
      }),
    ),
    [],
    'Servers asked in order for SEV-SNP hardware endorsements: `{"type": "AMD", "url"?}`.',
  ),
});

const persistentHandle = z
  .string()
  .regex(/^0x81[0-9a-fA-F]{6}$/, { error: 'expected a persistent handle, 0x81......' });

const ownAttestation = section({
  platform: field(
    z.enum(['auto', 'virtual', 'configfs', 'sgx', 'tpm', 'azure-vm', 'program']),
    'auto',
    'What makes evidence: `configfs` (SEV-SNP, TDX), `sgx` (Gramine), `tpm`, `azure-vm`, `program`; `auto` never takes a TPM.',
  ),
  collateral_file: optional(file, "Intel's collateral as one JSON text, instead of fetching it."),
  collateral_url: field(
    z.url(),
    'https://api.trustedservices.intel.com',
    "Who is asked for Intel's collateral: Intel, or a cache (PCCS).",
  ),
  tpm: section({
    device: field(z.string(), '/dev/tpmrm0', 'The TPM: a device, or `tcp:HOST:PORT` of a software TPM.'),
    key: field(persistentHandle, '0x81010002', 'Persistent handle of the attestation key.'),
    registers: field(
      z.array(z.int().min(0).max(23)).min(1),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14],
      'Registers that are quoted, of the SHA-256 bank.',
    ),
    event_log: optional(
      file,
      'The log of the boot, such as `/sys/kernel/security/tpm0/binary_bios_measurements`.',
    ),
    certificates_file: optional(
      file,
      "PEM, from the attestation key's certificate to its root, if it has one.",
    ),
    endorsement_key: field(
      persistentHandle,
      '0x81010001',
      'Persistent handle of the endorsement key, an RSA key, with which a joiner answers challenges.',
    ),
    endorsement_certificates_file: optional(
      file,
      "PEM, from the endorsement key's certificate to its maker's root: the service then asks the TPM for a secret.",
    ),
  }),
  program: field(
    z.array(z.string()),
    [],
    'A program that makes evidence, with its arguments: it is given the report data in hexadecimal. `azure-vm` on TDX: it is given the TD report and prints the quote, base64.',
  ),
});

const outputFiles = section({
  node_certificate_file: field(file, 'nodecert.pem', 'Self-signed certificate of the node.'),
  pid_file: field(file, 'node.pid', 'Id of the process.'),
  node_to_node_address_file: optional(file, 'Address bound for the other nodes.'),
  rpc_addresses_file: optional(file, 'Addresses bound for clients: JSON, interface name to `host:port`.'),
  sealed_ledger_secret_location: unused('Locally sealed ledger secrets.'),
});

/** The whole configuration file. */
export const configurationSchema = z.strictObject({
  network,
  command,
  node_certificate: section({
    subject_name: field(z.string().min(1), 'CN=CCF Node', 'Subject of the node certificate.'),
    subject_alt_names: optional(
      z.array(
        z.string().regex(/^(dNSName|iPAddress):.+$/, {
          error: 'expected "dNSName:NAME" or "iPAddress:ADDRESS"',
        }),
      ),
      'Alternative names of the node certificate; the published hosts when left out.',
    ),
    curve_id: field(z.enum(['Secp256R1', 'Secp384R1']), 'Secp256R1', 'Curve of the node and service keys.'),
    initial_validity_days: field(atLeastOne, 1, 'Validity of the first node certificate.'),
  }),
  node_data_json_file: optional(file, 'Data about the node (JSON).'),
  service_data_json_file: optional(file, 'Data about the service (JSON).'),
  attestation,
  ledger: section({
    directory: field(folder, 'ledger', 'Where the ledger is written.'),
    read_only_directories: field(z.array(folder), [], 'Where committed chunks may be read from as well.'),
    chunk_size: field(size, '5MB', 'A chunk ends at the first signature after this many bytes.'),
  }),
  snapshots: section({
    directory: field(folder, 'snapshots', 'Where snapshots are written.'),
    tx_count: field(
      atLeastOne,
      10_000,
      'Transactions between two snapshots. Those of more than 16 MiB also wait until the ledger has grown by twice as much.',
    ),
    read_only_directory: optional(folder, 'Where committed snapshots may be read from as well.'),
    min_tx_count: unused('Transactions between two timed snapshots.'),
    time_interval: unused('Time between two timed snapshots.'),
    backup_fetch: unused('Backups that fetch snapshots.'),
  }),
  logging: section({
    format: field(z.enum(['Text', 'Json']), 'Text', 'Form of a log line.'),
    host_level: unused('Log level; `--log-level` of the command line counts.'),
  }),
  consensus: section({
    message_timeout: field(duration, '100ms', 'Longest silence of a primary.'),
    election_timeout: field(duration, '5000ms', 'Silence after which a backup stands for election.'),
    max_uncommitted_tx_count: field(
      count,
      10_000,
      'Uncommitted transactions before writes are refused; 0: no bound.',
    ),
  }),
  ledger_signatures: section({
    tx_count: field(atLeastOne, 5000, 'Most transactions under one signature.'),
    delay: field(duration, '1000ms', 'Longest time a transaction stays unsigned.'),
  }),
  jwt: section({
    key_refresh_interval: field(duration, '30min', 'Pause between two fetches of JWT signing keys.'),
    key_refresh_max_response_size: unused('Largest answer to such a fetch.'),
  }),
  output_files: outputFiles,
  tick_interval: field(duration, '10ms', 'Resolution of the node’s clock.'),
  slow_io_logging_threshold: field(duration, '10000us', 'File operations slower than this are logged.'),
  client_connection_timeout: unused('Patience with outgoing connections.'),
  idle_connection_timeout: z
    .preprocess((value) => (value === undefined ? '60s' : value), duration.nullable())
    .meta({
      description: 'Silence after which a session is closed; null: never.',
      fallback: '60s',
    } satisfies FieldMeta),
  worker_threads: unused('Threads beside the main one.'),
  memory: unused('Ring buffers between host and enclave.'),
  historical_cache_soft_limit: field(size, '512MB', 'Memory for historical queries.'),
  ignore_first_sigterm: field(
    boolean,
    false,
    'The first SIGTERM sets `stop_notice` in `/node/state`, and a primary hands over; the node goes on.',
  ),
  node_client_interface: unused('Local address of outgoing connections.'),
  node_to_node_message_limit: unused('Messages under one channel key.'),
  files_cleanup: unused('Removal of old files.'),
  identity_history_fetch: unused('Fetching of earlier service identities.'),
  sealing_recovery: unused('Recovery from locally sealed secrets.'),
  coco: section({
    metrics_address: optional(
      loopback,
      'Plain HTTP address for Prometheus, loopback only; none when left out.',
    ),
    parcels_directory: optional(
      folder,
      'Where what only the nodes of parties keep is kept; the ledger directory with `.parcels` behind it when left out.',
    ),
    attestation: ownAttestation,
  }),
});
