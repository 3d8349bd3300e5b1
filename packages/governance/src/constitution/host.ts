import { type MembershipChange, readersOf } from '@coco/access';
import type { HostFunction, HostFunctions, HostValue } from '@coco/contracts';
import { byteStringToUtf8, bytesToByteString, type Tx } from '@coco/kv';
import { GovernanceError } from '../errors.ts';
import { type IssuerKey, removeJwtSigningKeys, setJwtSigningKeys } from '../jwt-keys.ts';
import { modules } from '../tables/application.ts';
import { applyUndo, confirmUndo } from '../undo/apply.ts';
import type { GovernanceWorld } from '../world.ts';
import type { Runner, RunRequest } from './run.ts';
import { validateConstitution } from './validate-constitution.ts';

/** For which call host functions are. */
interface HostRequest {
  readonly request: RunRequest;
  /** Throws what the caller of the code is told as it is, whatever the code makes of it. */
  readonly refuse: (error: GovernanceError) => never;
  readonly runner: Runner;
}

/** What governance code finds under `ccf` beside tables, cryptography and converters. */
export function hostFunctions(
  tx: Tx,
  world: GovernanceWorld,
  { request, refuse, runner }: HostRequest,
): HostFunctions {
  let undos = 0;
  const everywhere: HostFunctions = {
    'ccf.gov.validateConstitution': fn(1, (text) => {
      validateConstitution(tx, world.engine, text, request.rehearsal === true ? undefined : runner);
      return true;
    }),
    'ccf.undo.confirm': fn(1, (args) => {
      // The second would have to be planned over what the first is about to write.
      if (++undos > 1) throw new GovernanceError('UndoRefused', 'A proposal carries one undo.');
      confirmUndo(tx, world, fieldsOf(args));
      return undefined;
    }),
  };
  return request.phase === 'apply' ? { ...everywhere, ...effects(tx, world, refuse) } : everywhere;
}

/** What only an accepted proposal may do. */
function effects(tx: Tx, world: GovernanceWorld, refuse: HostRequest['refuse']): HostFunctions {
  const { node } = world;
  return {
    'ccf.node.triggerLedgerRekey': action(() => node.triggerLedgerRekey(tx)),
    'ccf.node.triggerRecoverySharesRefresh': action(() => node.triggerRecoverySharesRefresh(tx)),
    'ccf.node.triggerLedgerChunk': action(() => node.triggerLedgerChunk(tx)),
    'ccf.node.triggerSnapshot': action(() => node.triggerSnapshot(tx)),
    'ccf.node.transitionServiceToOpen': fn(2, (previous, next) => {
      const lost = previous === undefined ? undefined : pem(previous, 'Previous service identity');
      node.transitionServiceToOpen(tx, lost, pem(next, 'Next service identity'));
      return undefined;
    }),
    'ccf.network.getLatestLedgerSecretSeqno': fn(0, () => node.latestLedgerSecretSeqno(tx)),
    'ccf.network.generateEndorsedCertificate': fn(3, (csr, from, days) =>
      node.endorseNodeCertificate(tx, text(csr, 'csr'), text(from, 'valid from'), number(days, 'days')),
    ),
    'ccf.network.generateNetworkCertificate': fn(2, (from, days) =>
      node.renewServiceCertificate(tx, text(from, 'valid from'), number(days, 'days')),
    ),
    'ccf.access.changeAudience': fn(2, (id, change) => {
      const name = text(id, 'audience');
      if (!node.changeAudience(tx, name, membershipChange(change))) throw noAudience(name);
      return undefined;
    }),
    'ccf.access.shredAudience': fn(1, (id) => {
      const name = text(id, 'audience');
      if (!node.shredAudience(tx, name)) throw noAudience(name);
      return undefined;
    }),
    'ccf.refreshAppBytecodeCache': action(() => compileApplication(tx, world)),
    'ccf.setJwtPublicSigningKeys': fn(3, (issuer, _metadata, jwks) => {
      setSigningKeys(tx, world, text(issuer, 'issuer'), jwks);
      return undefined;
    }),
    'ccf.undo.apply': fn(2, (args, proposal) => {
      try {
        applyUndo(tx, world, fieldsOf(args), text(proposal, 'proposal id'));
      } catch (error) {
        if (error instanceof GovernanceError && error.code === 'UndoRefused') refuse(error);
        throw error;
      }
      return undefined;
    }),
    'ccf.removeJwtPublicSigningKeys': fn(1, (issuer) => {
      removeJwtSigningKeys(tx, text(issuer, 'issuer'));
      return undefined;
    }),
  };
}

function fn(arity: number, call: (...args: readonly HostValue[]) => HostValue): HostFunction {
  return { arity, call };
}

function action(perform: () => void): HostFunction {
  return fn(0, () => {
    perform();
    return undefined;
  });
}

/**
 * Compiled code is not kept in the ledger, but an application that does not compile is refused here, as in CCF.
 * Members who want it all the same say `disable_bytecode_cache`: then calls that need the module fail.
 */
function compileApplication(tx: Tx, world: GovernanceWorld): void {
  const sources = new Map(modules.entries(tx));
  if (sources.size === 0) return;
  using app = world.engine.install(sources);
  const [problem] = app.problems;
  if (problem !== undefined) throw problem;
}

function setSigningKeys(tx: Tx, world: GovernanceWorld, issuer: string, jwks: HostValue): void {
  const keys = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined;
  try {
    // The constitution has checked the shape; what is missing all the same is found key by key.
    setJwtSigningKeys(tx, issuer, Array.isArray(keys) ? (keys as readonly IssuerKey[]) : []);
  } catch (error) {
    if (!(error instanceof GovernanceError)) throw error;
    world.log('fail', error.message);
    throw new GovernanceError('InvalidSigningKeys', 'set_jwt_public_signing_keys() failed', { cause: error });
  }
}

function noAudience(id: string): TypeError {
  return new TypeError(`there is no audience ${id}`);
}

function membershipChange(value: HostValue): MembershipChange {
  const { add = [], remove = [], withPast, lend } = (value ?? {}) as Readonly<Record<string, HostValue>>;
  const nobody = { id: null, party: null, roles: [], alone: null, readers: [] };
  const readers = (list: HostValue) =>
    Array.isArray(list) && list.length === 0 ? [] : readersOf(list, nobody);
  return {
    add: readers(add),
    remove: readers(remove),
    withPast: withPast === true,
    ...(typeof lend === 'boolean' ? { lend } : {}),
  };
}

function text(value: HostValue, what: string): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${what} argument is not a string`);
}

function fieldsOf(value: HostValue): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array))
    return value as Readonly<Record<string, unknown>>;
  throw new TypeError('what is to be undone is not an object');
}

function number(value: HostValue, what: string): number {
  if (typeof value === 'number') return value;
  throw new TypeError(`${what} argument is not a number`);
}

function pem(value: HostValue, what: string): string {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be an array buffer`);
  return byteStringToUtf8(bytesToByteString(value));
}
