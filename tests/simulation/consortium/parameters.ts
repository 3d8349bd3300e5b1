import type { NetworkOptions } from '../world/network.ts';
import { between, pick, type Random } from '../world/random.ts';

/** What one run is like. Each is drawn from the seed, so that some runs meet what others never do. */
export interface Parameters {
  /** How long faults are injected, in virtual milliseconds. */
  readonly chaosMs: number;
  /** How many nodes there should be. */
  readonly nodes: number;
  readonly network: NetworkOptions;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** How likely the operator is to replace a sound node whenever it looks. */
  readonly replacement: number;
  /** How likely a process is to be killed although the service cannot do without it. */
  readonly disaster: number;
  readonly members: number;
  readonly threshold: number;
  readonly tickMs: number;
  /** Half the range in which the speeds of clocks lie, and how far they may be off, in ms. */
  readonly drift: number;
  readonly skewMs: number;
  readonly diskLatency: readonly [min: number, max: number];
  /** Between a client and a node, in milliseconds; and how likely a connection is to break. */
  readonly clientLatency: readonly [min: number, max: number];
  readonly clientLoss: number;
  /** Nodes pass on what only the primary answers, instead of sending clients there. */
  readonly forwards: boolean;
  /** Of the configuration of nodes. */
  readonly signatureTxCount: number;
  readonly signatureDelayMs: number;
  readonly chunkBytes: number;
  readonly snapshotTxCount: number;
  readonly clients: number;
  /** Whether machines are of companies, two of which deal. */
  readonly hasCompanies: boolean;
  /** Mean time between the operations of a client, between faults, and between acts of governance. */
  readonly operationEveryMs: number;
  readonly faultEveryMs: number;
  readonly governEveryMs: number;
}

/** Draws the parameters of a run; on demand of one that is all elections. */
export function drawParameters(random: Random, isContested = false): Parameters {
  const members = between(random, 1, 4);
  const heartbeatMs = pick(random, [20, 50, 100])!;
  const electionMs = heartbeatMs * between(random, 6, 12);
  const often = () => pick(random, [0, 0, 0.01, 0.05])!;
  const nodes = pick(random, isContested ? [3, 3, 5] : [1, 1, 3, 3, 3, 5])!;
  const usual: Parameters = {
    nodes,
    network: {
      latency: [1, between(random, 2, 15)],
      loss: often(),
      repeat: often(),
      delay: often(),
      delayMax: pick(random, [heartbeatMs, electionMs])!,
    },
    heartbeatMs,
    electionMs,
    replacement: pick(random, [0, 0, 0.02, 0.1])!,
    disaster: nodes === 1 ? 1 : pick(random, [0, 0, 0.2])!,
    chaosMs: 1000 * between(random, 10, 30),
    members,
    threshold: between(random, 1, members),
    tickMs: pick(random, [5, 10, 20])!,
    drift: pick(random, [0, 0.01, 0.1])!,
    skewMs: pick(random, [0, 100, 3_600_000])!,
    diskLatency: pick(random, [
      [0, 1],
      [1, 5],
      [5, 50],
    ] as const)!,
    clientLatency: pick(random, [
      [1, 3],
      [1, 50],
    ] as const)!,
    clientLoss: pick(random, [0, 0.01, 0.1])!,
    signatureTxCount: pick(random, [1, 10, 1000])!,
    signatureDelayMs: pick(random, [20, 100, 1000])!,
    chunkBytes: pick(random, [1, 10_000, 1_000_000])!,
    snapshotTxCount: pick(random, [10, 100, 10_000])!,
    clients: between(random, 1, 5),
    hasCompanies: false,
    operationEveryMs: pick(random, [50, 200, 500])!,
    faultEveryMs: pick(random, [500, 2_000, 5_000])!,
    governEveryMs: pick(random, [1_000, 5_000, 20_000])!,
    forwards: random() < 0.4,
  };
  return isContested || (nodes > 1 && random() < 0.2) ? contested(usual) : usual;
}

/** All elections: short ones, whose votes come late enough to meet the next campaign. */
function contested(usual: Parameters): Parameters {
  const [heartbeatMs, electionMs] = [20, 160];
  return {
    ...usual,
    heartbeatMs,
    electionMs,
    drift: 0.1,
    tickMs: 5,
    network: { latency: [1, 10], loss: 0, repeat: 0.2, delay: 0.3, delayMax: electionMs },
    faultEveryMs: 2 * electionMs,
    governEveryMs: 20_000,
    operationEveryMs: 200,
  };
}
