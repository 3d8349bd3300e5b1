import type { Limits } from '@coco/consensus';
import type { NetworkOptions } from '../world/network.ts';
import { between, pick, type Random } from '../world/random.ts';

/** What one run is like. Each is drawn from the seed, so that some runs meet what others never do. */
export interface Parameters {
  /** Ticks and milliseconds are the same here. */
  readonly heartbeat: number;
  readonly election: number;
  readonly preVote: boolean;
  readonly stickyLeader: boolean;
  readonly eager: boolean;
  readonly limits: Partial<Limits>;
  readonly network: NetworkOptions;
  readonly diskLatency: readonly [min: number, max: number];
  /** Half the range in which the speeds of the nodes' clocks lie. */
  readonly drift: number;
  readonly voters: number;
  /** Mean time between entries, between signatures, and between faults. */
  readonly proposalEvery: number;
  readonly signatureEvery: number;
  readonly readEvery: number;
  readonly faultEvery: number;
  /** How likely a new leader is to be cut off shortly after its election, when the most is half done. */
  readonly curse: number;
  readonly reconfigureEvery: number;
}

/** Draws the parameters of a run. */
export function drawParameters(random: Random): Parameters {
  const heartbeat = between(random, 20, 50);
  const election = heartbeat * between(random, 6, 12);
  const often = () => pick(random, [0, 0, 0.01, 0.05, 0.2])!;
  const usual: Parameters = {
    heartbeat,
    election,
    preVote: random() < 0.7,
    stickyLeader: random() < 0.7,
    eager: random() < 0.7,
    limits: drawLimits(random),
    network: {
      latency: [1, between(random, 2, 15)],
      loss: often(),
      repeat: often(),
      delay: often(),
      delayMax: pick(random, [heartbeat, election, 2 * election])!,
    },
    diskLatency: [0, pick(random, [1, 5, heartbeat, election / 4])!],
    drift: pick(random, [0, 0.01, 0.1, 0.3])!,
    voters: pick(random, [1, 3, 3, 3, 5, 5, 7])!,
    proposalEvery: pick(random, [5, 20, 100])!,
    signatureEvery: pick(random, [10, 50, 200])!,
    readEvery: pick(random, [50, 200])!,
    faultEvery: election * pick(random, [0.5, 1, 2, 4])!,
    curse: pick(random, [0, 0, 0.3, 0.8])!,
    reconfigureEvery: election * pick(random, [2, 5, 20])!,
  };
  return random() < 0.2 ? contested(usual, random) : usual;
}

/**
 * All elections: leaders are cut off before they have signed anything, clocks differ, and votes come late
 * enough to meet the next campaign.
 */
function contested(usual: Parameters, random: Random): Parameters {
  const [heartbeat, election] = [20, 120];
  return {
    ...usual,
    heartbeat,
    election,
    voters: pick(random, [3, 3, 5])!,
    drift: 0.3,
    curse: 0.8,
    faultEvery: election,
    reconfigureEvery: 20 * election,
    signatureEvery: 2 * election,
    network: { latency: [1, 10], loss: 0, repeat: 0.2, delay: 0.3, delayMax: election },
  };
}

/** Mostly tiny bounds: a window of one message and a memory of nothing are legal, and rare in production. */
function drawLimits(random: Random): Partial<Limits> {
  if (random() < 0.2) return {};
  return {
    messageEntriesMax: pick(random, [1, 2, 5, 100])!,
    messageBytesMax: pick(random, [100, 1_000])!,
    inFlightMessagesMax: pick(random, [1, 2, 8])!,
    memoryBytesMax: pick(random, [0, 1_000, 100_000])!,
    memoryAloneBytesMax: pick(random, [0, 1_000])!,
    learnerLagMax: pick(random, [0, 10])!,
    confirmationsMax: pick(random, [1, 10])!,
    uncommittedEntriesMax: pick(random, [20, 200])!,
  };
}
