import { parseCertificate } from '@coco/crypto';
import { bytesToByteString } from '@coco/kv';
import type { AppWorld, HostFunction, HostValue } from '../call.ts';
import { bytes, count, record, text } from './arguments.ts';
import type { CallWriter } from './call-input.ts';
import { cryptoFunctions } from './crypto-functions.ts';
import type { MakeSandbox } from './sandbox.ts';
import type { NumberedLists, Switchboard } from './switchboard.ts';
import type { ReadSourceMap } from './trace.ts';

/** What the engine is lent because no package may own it. */
export interface Borrowed {
  /** Reads source maps, so that traces name the lines of the author's sources. Without it they stay as they are. */
  readonly readSourceMap?: ReadSourceMap;
  /** Makes sandboxes of another kind for apps: see `openSandbox`. */
  readonly makeSandbox?: MakeSandbox;
  /**
   * Verifies SEV-SNP evidence and gives what app code sees of it; throws when it does not verify. Without it
   * the function is there and always throws.
   */
  readonly verifySnpAttestation?: (
    evidence: Uint8Array,
    endorsements: Uint8Array,
    uvmEndorsements: Uint8Array | undefined,
    endorsedTcb: string | undefined,
  ) => HostValue;
}

type Table = Readonly<Record<string, HostFunction>>;

/** Functions that app and governance code have alike. */
export function sharedFunctions(borrowed: Borrowed, random: (length: number) => Uint8Array): Table {
  return {
    ...cryptoFunctions(random),
    'ccf.pemToId': { arity: 1, call: (pem) => parseCertificate(text(pem, 'pem')).id },
    'ccf.tcbHexToPolicy': {
      arity: 2,
      call: (cpuid, tcb) => tcbPolicy(text(cpuid, 'cpuid'), text(tcb, 'tcb')),
    },
    'snp_attestation.verifySnpAttestation': {
      arity: 4,
      optional: 2,
      call: (evidence, endorsements, uvm, tcb) => {
        const verify = borrowed.verifySnpAttestation;
        if (!verify) throw new RangeError('this node cannot verify SEV-SNP attestation');
        return asRangeError(() =>
          verify(
            bytes(evidence, 'evidence'),
            bytes(endorsements, 'endorsements'),
            uvm === undefined ? undefined : bytes(uvm, 'uvm endorsements'),
            tcb === undefined ? undefined : text(tcb, 'endorsed tcb'),
          ),
        );
      },
    },
  };
}

/** All host functions of app code, by the name the guest asks for. */
export function appFunctions(app: {
  readonly borrowed: Borrowed;
  readonly board: Switchboard;
  /** Where audiences get their numbers. */
  readonly lists: NumberedLists;
  readonly writer: CallWriter;
  readonly world: () => AppWorld | undefined;
}): ReadonlyMap<string, HostFunction> {
  const { borrowed, board, lists, writer, world } = app;
  const present = (): AppWorld => {
    const found = world();
    if (!found) throw new TypeError('this can be used only while a call is in progress');
    return found;
  };
  const table: Table = {
    ...sharedFunctions(borrowed, (length) => present().random(length)),
    'ccf.consensus.getLastCommittedTxId': {
      arity: 0,
      call: () => {
        const { view, seqno } = present().consensus.lastCommitted();
        return { view, seqno };
      },
    },
    'ccf.consensus.getStatusForTxId': {
      arity: 2,
      call: (view, seqno) =>
        present().consensus.statusOf({ view: count(view, 'view'), seqno: count(seqno, 'seqno') }),
    },
    'ccf.consensus.getViewForSeqno': {
      arity: 1,
      call: (seqno) => present().consensus.viewOf(count(seqno, 'seqno')),
    },
    'ccf.access.caller': {
      arity: 0,
      call: () => {
        const { id, party, roles, readers } = board.access().viewer;
        return { id, party, roles, readers };
      },
    },
    'ccf.access.setAudience': {
      arity: 1,
      call: (readers) => {
        board.access().setAudience(readers);
        return lists.numberOf(JSON.stringify(readers));
      },
    },
    'ccf.access.setRowAudience': {
      arity: 3,
      call: (map, key, readers) => {
        const row = bytesToByteString(bytes(key, 'key'));
        return void board.access().setRowAudience(text(map, 'map'), row, readers);
      },
    },
    'ccf.access.setClaims': {
      arity: 1,
      call: (fields) => void board.access().setClaims(record(fields, 'claims')),
    },
    'ccf.historical.dropCachedStates': {
      arity: 1,
      call: (handle) => present().historical.drop(count(handle, 'handle')),
    },
  };
  const functions = new Map(Object.entries(table).map(([path, each]) => [`function:${path}`, each]));
  functions.set('plan', { arity: 1, call: (number) => writer.plan(number) as unknown as HostValue });
  functions.set('caller', { arity: 1, call: (number) => writer.caller(number) });
  functions.set('indexes.open', {
    arity: 1,
    call: (name) => openIndex(text(name, 'name'), board, present()),
  });
  functions.set('historical.stateRange', {
    arity: 4,
    call: (handle, start, end, expiry) => {
      const range = [handle, start, end, expiry].map((value) => count(value, 'argument'));
      const states = present().historical.stateRange(...(range as [number, number, number, number]));
      if (states === null) return null;
      board.sawPast = true;
      return states.map((state) => board.lend(state)) as unknown as HostValue;
    },
  });
  return functions;
}

function openIndex(name: string, board: Switchboard, world: AppWorld): HostValue {
  // What is written must depend on the ledger alone, and an index is behind it by more here and less there.
  if (board.mayWrite)
    throw new TypeError(`index ${name} can be read where nothing is written: in mode readonly or historical`);
  const view = world.indexes?.open(name);
  if (view === undefined)
    throw new TypeError(`there is no index ${name}: the installed bundle declares none`);
  const { seqno, built, waits, failure, state } = view;
  if (failure !== undefined) throw new TypeError(`index ${name} was given up: ${failure}`);
  return { seqno, built, waits: waits ?? null, state: board.lendTables(state) };
}

/** AMD's reported TCB, byte by byte; the layout depends on the processor's family. */
function tcbPolicy(cpuidHex: string, tcbHex: string): HostValue {
  if (!/^[0-9a-fA-F]{16}$/.test(tcbHex)) throw new RangeError('the TCB must be 16 hexadecimal digits');
  const octets = (tcbHex.match(/../g) as string[]).map((octet) => Number.parseInt(octet, 16));
  const [microcode = 0, snp = 0, , , , , tee = 0, bootLoader = 0] = octets;
  const policy = { hexstring: tcbHex, boot_loader: bootLoader, tee, snp, microcode };
  if (!isTurin(cpuidHex)) return policy;
  const [turinMicrocode = 0, , , , turinSnp = 0, turinTee = 0, turinBootLoader = 0, fmc = 0] = octets;
  return {
    hexstring: tcbHex,
    fmc,
    boot_loader: turinBootLoader,
    tee: turinTee,
    snp: turinSnp,
    microcode: turinMicrocode,
  };
}

/** Family 0x1A, as CPUID leaf 1 encodes it: base family 0xF plus extended family 0xB. */
function isTurin(cpuidHex: string): boolean {
  const eax = Number.parseInt(cpuidHex, 16);
  return ((eax >>> 8) & 0xf) + ((eax >>> 20) & 0xff) === 0x1a;
}

function asRangeError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new RangeError(error instanceof Error ? error.message : String(error));
  }
}
