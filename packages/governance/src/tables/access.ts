import type { AccessRule, Reader } from '@coco/access';
import { json } from './codec.ts';
import { serviceMap, serviceValue } from './table.ts';

/** Value of `access.parties`: an organisation that takes part. Its users are those that `access.users` gives to it. */
export interface PartyInfo {
  readonly party_data?: unknown;
}

/** Value of `access.users`: for whom a caller acts, and what it is trusted with. */
export interface AccessUser {
  readonly party?: string;
  readonly roles?: readonly string[];
}

/** Value of `access.nodes`: for which party a node keeps what only the nodes of parties keep. */
export interface NodeParty {
  readonly party: string;
}

/** Value of `access.grants`: somebody may see what others wrote, for a purpose; each look is recorded. */
export interface AccessGrant {
  /** Who may look. */
  readonly to: Reader;
  /** Of which times, ISO 8601: the first that belongs, and the first that does not any more. */
  readonly from: string;
  readonly until: string;
  /** Only transactions that have this reader in an audience; only those of this endpoint. */
  readonly reader?: Reader;
  readonly endpoint?: string;
  /** When the grant ends, ISO 8601. */
  readonly expires: string;
  readonly purpose: string;
}

/** Value of `access.settings`. */
export interface AccessSettings {
  /** Callers of the app see references in place of transaction ids, which would tell them the global volume. */
  readonly opaque_ids?: boolean;
  /** Milliseconds between beats: what is written commits, and is told, at these and not in between. Absent: at once. */
  readonly cover_ms?: number;
}

/** Value of `access.audiences`: what members decided of an audience, by its id in hexadecimal. */
export interface AudienceDecision {
  readonly decision: 'changed' | 'shredded';
  readonly add?: readonly Reader[];
  readonly remove?: readonly Reader[];
  readonly with_past?: boolean;
  readonly lend?: boolean;
}

/** Organisations by name. */
export const accessParties = serviceMap('public:ccf.gov.access.parties', json<PartyInfo>());
/** Callers by id: of a user or member, or `jwt:ISSUER:SUBJECT`. */
export const accessUsers = serviceMap('public:ccf.gov.access.users', json<AccessUser>());
/** Nodes by id, as far as they are a party's. */
export const nodeParties = serviceMap('public:ccf.gov.access.nodes', json<NodeParty>());
/** Rules by what they are about: `app`, `endpoint POST /orders`. */
export const accessRules = serviceMap('public:ccf.gov.access.rules', json<AccessRule>());
/** Grants by id. */
export const accessGrants = serviceMap('public:ccf.gov.access.grants', json<AccessGrant>());
/** What holds for all. */
export const accessSettings = serviceValue('public:ccf.gov.access.settings', json<AccessSettings>());
/** The latest decision about each audience. */
export const audienceDecisions = serviceMap('public:ccf.gov.access.audiences', json<AudienceDecision>());
