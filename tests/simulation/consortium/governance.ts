import type { EncryptedShareOut, ProposalIn, ProposalOut, StateDigestOut } from '@coco/api';
import { type GovRequest, govRequest, plainBallot, versioned } from '@coco/client';
import { fromBase64, rsaOaepUnwrap } from '@coco/crypto';
import { type Script, sleep } from '../world/script.ts';
import { Caller, contentOf, get, type Reply } from './caller.ts';
import { dealing } from './companies.ts';
import type { Consortium } from './consortium.ts';
import { type Member, makeMember, makePerson, type Person, signed } from './people.ts';

const PATIENCE_MS = 200;

/** The members of the consortium, and what they do together: all of it by signed requests that may be lost. */
export class Members {
  readonly members: readonly Member[];
  readonly users: readonly Person[];
  /** Users of the companies that deal. */
  readonly dealers: readonly Person[];
  readonly #consortium: Consortium;
  readonly #callers: readonly Caller[];
  #lastCreatedAt = 0;

  constructor(consortium: Consortium) {
    const { parameters, epoch } = consortium;
    this.#consortium = consortium;
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    this.members = numbers(parameters.members).map((i) => makeMember(`member${i}`, i, epoch));
    this.users = numbers(parameters.clients).map((i) => makePerson(`user${i}`, 100 + i, epoch));
    this.dealers = parameters.hasCompanies ? dealing.map((name, i) => makePerson(name, 200 + i, epoch)) : [];
    this.#callers = this.members.map(() => new Caller(consortium, null));
  }

  /** Every member acknowledges the state, so that its vote counts. */
  *activate(): Script {
    for (let i = 0; i < this.members.length; i++) {
      const { id } = this.members[i]!;
      const ask = () => govRequest.updateDigest(id, this.#now());
      const digest = yield* this.#untilContent<StateDigestOut>(i, ask);
      yield* this.#untilDone(i, () => govRequest.ack(id, digest.stateDigest, this.#now()));
    }
  }

  /**
   * Proposes and votes until the proposal is decided; again from the beginning when an answer was lost. Answers whether
   * it was accepted.
   */
  *pass(actions: () => ProposalIn['actions'], attempts = Number.POSITIVE_INFINITY): Script<boolean> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const state = yield* this.#propose(actions());
      this.#consortium.note(
        'members',
        'proposal',
        actions()
          .map(({ name }) => name)
          .join(','),
        state,
      );
      if (state === 'Accepted') return true;
      if (state === 'Failed' || state === 'Rejected') return false;
      yield* sleep(this.#consortium.clock, PATIENCE_MS);
    }
    return false;
  }

  /** Members submit their recovery shares, as many as the threshold asks for. */
  *submitShares(): Script {
    for (let i = 0; i < this.#consortium.parameters.threshold; i++) {
      const { id, encryptionKey } = this.members[i]!;
      const path = versioned(`/gov/recovery/encrypted-shares/${id}`);
      const reply = yield* this.#callers[i]!.call(get(path));
      const encrypted = contentOf<EncryptedShareOut>(reply)?.encryptedShare;
      if (encrypted === undefined) return;
      const share = rsaOaepUnwrap(encryptionKey, fromBase64(encrypted));
      yield* this.#send(i, govRequest.submitShare(id, share, this.#now()));
    }
  }

  *#propose(actions: ProposalIn['actions']): Script<ProposalOut['proposalState'] | 'lost'> {
    const reply = yield* this.#send(0, govRequest.propose({ actions }, this.#now()));
    let proposal = contentOf<ProposalOut>(reply);
    if (proposal === undefined) this.#consortium.note('members', 'refused', describe(reply));
    for (let i = 0; i < this.members.length && proposal?.proposalState === 'Open'; i++) {
      const ids = { proposalId: proposal.proposalId, memberId: this.members[i]!.id };
      const answer = yield* this.#send(i, govRequest.vote(ids, plainBallot(true), this.#now()));
      proposal = contentOf<ProposalOut>(answer);
      if (proposal === undefined) this.#consortium.note('members', 'vote lost', describe(answer));
    }
    return proposal?.proposalState ?? 'lost';
  }

  *#untilContent<Content>(i: number, request: () => GovRequest): Script<Content> {
    for (;;) {
      const reply = yield* this.#send(i, request());
      const content = contentOf<Content>(reply);
      if (content !== undefined) return content;
      yield* sleep(this.#consortium.clock, PATIENCE_MS);
    }
  }

  *#untilDone(i: number, request: () => GovRequest): Script {
    for (;;) {
      const reply = yield* this.#send(i, request());
      if (reply.kind === 'answer' && reply.status < 300) return;
      yield* sleep(this.#consortium.clock, PATIENCE_MS);
    }
  }

  #send(i: number, request: GovRequest): Script<Reply> {
    return this.#callers[i]!.call(signed(this.members[i]!, request));
  }

  /** A second apart, so that no two proposals are taken for the same. */
  #now(): number {
    const { epoch, clock } = this.#consortium;
    this.#lastCreatedAt = Math.max(this.#lastCreatedAt + 1000, Math.floor(epoch + clock.now));
    return this.#lastCreatedAt;
  }
}

/** A reply in a few words. */
export function describe(reply: Reply): string {
  if (reply.kind === 'lost') return reply.wasSent ? 'lost' : 'not sent';
  return `${reply.status} ${reply.text.slice(0, 200)}`;
}
