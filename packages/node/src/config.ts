/** A number of bytes. */
export type Bytes = number;
/** A number of milliseconds; may have a fraction. */
export type Milliseconds = number;
/** `host:port`; an IPv6 host is in brackets. */
export type Address = string;

/** What vouches for the certificate an interface presents; `Unsecured` is plain TCP. */
export type EndorsementAuthority = 'Node' | 'Service' | 'Unsecured';

/** Where a redirect points: at the node in a role, or at a fixed address. */
export type Redirection =
  | {
      readonly kind: 'NodeByRole';
      /** The interface to lead to; null or absent: the one of the same name. */
      readonly target: { readonly role: 'primary' | 'backup'; readonly interface?: string | null };
    }
  | { readonly kind: 'StaticAddress'; readonly target: { readonly address: Address } };

/** One door for clients, `network.rpc_interfaces.<name>`. */
export interface RpcInterface {
  /** As bound: port 0 of the file is replaced by the port the system gave. */
  readonly bind_address: Address;
  readonly published_address: Address;
  readonly app_protocol: 'HTTP1';
  readonly max_open_sessions_soft: number;
  readonly max_open_sessions_hard: number;
  readonly endorsement: { readonly authority: EndorsementAuthority };
  /** Regular expressions a path must match as a whole; null admits every path. */
  readonly accepted_endpoints: readonly string[] | null;
  readonly redirections: {
    readonly to_primary?: Redirection | undefined;
    readonly to_backup?: Redirection | undefined;
  } | null;
  /** Patience with the primary that a request was forwarded to. */
  readonly forwarding_timeout_ms?: Milliseconds;
  /** The interface as the file declares it, addresses as bound: what the service's node record shows. */
  readonly declared: Readonly<Record<string, unknown>>;
}

/** A member of the consortium at the start of a service; files already read. */
export interface InitialMember {
  readonly certificatePem: string;
  readonly encryptionPublicKeyPem: string | null;
  /** Parsed JSON; null when there is none. */
  readonly data: unknown;
  readonly recoveryRole: 'NonParticipant' | 'Participant' | 'Owner' | null;
}

/** Begin a new service. */
export interface StartCommand {
  readonly type: 'Start';
  readonly start: {
    readonly service_configuration: {
      /** 0 stands for the number of initial recovery members. */
      readonly recovery_threshold: number;
      readonly maximum_node_certificate_validity_days: number;
      readonly maximum_service_certificate_validity_days: number;
      readonly recent_cose_proposals_window_size: number;
    };
    readonly initial_service_certificate_validity_days: number;
    readonly service_subject_name: string;
    readonly cose_signatures: { readonly issuer: string; readonly subject: string } | null;
  };
}

/** Join a service that runs. */
export interface JoinCommand {
  readonly type: 'Join';
  readonly join: {
    readonly target_rpc_address: Address;
    readonly retry_timeout: Milliseconds;
    readonly follow_redirect: boolean;
    readonly fetch_recent_snapshot: boolean;
    readonly fetch_snapshot_max_attempts: number;
    readonly fetch_snapshot_retry_interval: Milliseconds;
    readonly fetch_snapshot_max_size: Bytes;
  };
}

/** Bring a lost service back from its ledger. */
export interface RecoverCommand {
  readonly type: 'Recover';
  readonly recover: { readonly initial_service_certificate_validity_days: number };
}

/** The part of the configuration that a replica acts on. Names are those of the file. */
export interface NodeConfig {
  readonly network: {
    readonly node_to_node_interface: { readonly bind_address: Address; readonly published_address: Address };
    readonly rpc_interfaces: Readonly<Record<string, RpcInterface>>;
  };
  readonly command: StartCommand | JoinCommand | RecoverCommand;
  readonly node_certificate: {
    readonly subject_name: string;
    /** `dNSName:` and `iPAddress:` entries; null stands for the published hosts. */
    readonly subject_alt_names: readonly string[] | null;
    readonly curve_id: 'Secp256R1' | 'Secp384R1';
    readonly initial_validity_days: number;
  };
  readonly ledger: { readonly chunk_size: Bytes };
  readonly snapshots: { readonly tx_count: number };
  readonly consensus: {
    readonly message_timeout: Milliseconds;
    readonly election_timeout: Milliseconds;
    /** 0 is no bound. */
    readonly max_uncommitted_tx_count: number;
  };
  readonly ledger_signatures: { readonly tx_count: number; readonly delay: Milliseconds };
  readonly jwt: { readonly key_refresh_interval: Milliseconds };
  readonly historical_cache_soft_limit: Bytes;
  readonly ignore_first_sigterm: boolean;
}

/** Contents of the files that the configuration names, read before the node is made. */
export interface NodeFiles {
  /** The constitution files in order, joined; empty unless starting. */
  readonly constitution: string;
  readonly members: readonly InitialMember[];
  /** Parsed `node_data_json_file`; null when there is none. */
  readonly nodeData: unknown;
  /** Parsed `service_data_json_file`; null when there is none. */
  readonly serviceData: unknown;
  /** Recover: the certificate of the service that was lost. Join: of the service to join. Else null. */
  readonly serviceCertificatePem: string | null;
}
