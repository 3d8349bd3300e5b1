import { type AccessRule, anonymous, type Reader, type Viewer, viewerOf } from '@coco/access';
import type { ReadableMapState } from '@coco/kv';
import type { Caller } from './authenticate/caller.ts';
import { accessRules, accessUsers, nodeParties } from './tables/access.ts';
import type { EndpointProperties } from './tables/application.ts';
import { type NodeId, nodeInfos, nodeStandings } from './tables/nodes.ts';

/** How a group's callers are asked who they are: the surest first. */
const telling = ['user_cose_sign1', 'user_cert', 'jwt', 'member_cert'] as const;

/** A caller as audiences know it: who it is by itself, and the party and roles that members gave it. */
export function viewerOfCaller(state: ReadableMapState, caller: Caller | null): Viewer {
  const id = callerId(caller);
  return id === undefined ? anonymous : viewerById(state, id);
}

/** Who somebody known by this id is to audiences: a user, a member, the subject of a token. */
export function viewerById(state: ReadableMapState, id: string): Viewer {
  const { party, roles } = accessUsers.get(state, id) ?? {};
  return viewerOf(id, party ?? null, roles ?? []);
}

function callerId(caller: Caller | null): string | undefined {
  if (caller === null) return undefined;
  switch (caller.policy) {
    case 'user_cert':
    case 'member_cert':
    case 'user_cose_sign1':
      return (caller as { id: string }).id;
    case 'jwt': {
      const { keyIssuer, payload } = (caller as Extract<Caller, { policy: 'jwt' }>).jwt;
      return typeof payload.sub === 'string' ? `jwt:${keyIssuer}:${withoutColons(payload.sub)}` : undefined;
    }
    default:
      return Array.isArray(caller.policy)
        ? idInGroup(caller as Readonly<Record<string, unknown>>)
        : undefined;
  }
}

/** One issuer may not name its subjects so that they read as those of an issuer whose name goes on with a colon. */
function withoutColons(subject: string): string {
  return subject.replace(/[%:]/g, (each) => (each === ':' ? '%3A' : '%25'));
}

function idInGroup(group: Readonly<Record<string, unknown>>): string | undefined {
  for (const policy of telling) {
    const id = callerId((group[policy] as Caller | undefined) ?? null);
    if (id !== undefined) return id;
  }
  return undefined;
}

/**
 * What holds for an endpoint: field by field what members voted for it, else what its bundle declares (which they
 * voted for as well), else what they voted for the whole app.
 */
export function ruleOf(
  state: ReadableMapState,
  endpoint: string,
  declared: EndpointProperties['access'],
): AccessRule {
  return { ...accessRules.get(state, 'app'), ...declared, ...accessRules.get(state, `endpoint ${endpoint}`) };
}

/**
 * The party that a node is of: as members said of the node itself, else that of the member who answers for its machine.
 * Undefined when neither is known.
 */
export function partyOfNode(state: ReadableMapState, id: NodeId): string | undefined {
  const named = nodeParties.get(state, id)?.party;
  if (named !== undefined) return named;
  const member = nodeStandings.get(state, id)?.member;
  return member === undefined ? undefined : accessUsers.get(state, member)?.party;
}

/** Trusted nodes by the party that they are of. Those that may only verify are nobody's: they could open nothing. */
export function nodesOfParties(state: ReadableMapState): Map<string, NodeId[]> {
  const nodes = new Map<string, NodeId[]>();
  for (const [id, { status }] of nodeInfos.entries(state)) {
    if (status !== 'Trusted' || nodeStandings.get(state, id)?.role === 'verify') continue;
    const party = partyOfNode(state, id);
    if (party === undefined) continue;
    const known = nodes.get(party);
    if (known) known.push(id);
    else nodes.set(party, [id]);
  }
  return nodes;
}

/** The party that a reader is, or acts for; undefined for readers that are none's: roles, everybody. */
export function partyOfReader(state: ReadableMapState, reader: Reader): string | undefined {
  if (reader.startsWith('party:')) return reader.slice('party:'.length);
  if (reader.startsWith('user:')) return accessUsers.get(state, reader.slice('user:'.length))?.party;
  return undefined;
}
