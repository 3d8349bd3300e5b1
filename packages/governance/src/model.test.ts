import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memberInfos, proposalInfos } from './index.ts';
import { Consortium } from './testing/consortium.ts';
import { testEngine } from './testing/engine.ts';
import { makePerson, type Person } from './testing/people.ts';
import { variant } from './testing/texts.ts';

// Random histories of a consortium, told at the same time to the real governance and to a model of it that is
// slow, obvious and knows nothing of tables, signatures or JavaScript.

const engine = testEngine();
const constitution = variant();

/** What a proposal of the game asks for. */
type Wish =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'impossible' }
  | { readonly kind: 'new law' }
  | { readonly kind: 'add' | 'remove'; readonly who: number };
type Ballot = 'for' | 'against' | 'throws';

type Move =
  | { readonly kind: 'propose'; readonly by: number; readonly wish: Wish }
  | { readonly kind: 'vote'; readonly by: number; readonly which: number; readonly ballot: Ballot }
  | { readonly kind: 'withdraw'; readonly by: number; readonly which: number }
  | { readonly kind: 'activate'; readonly by: number };

interface ModelProposal {
  readonly proposer: number;
  readonly wish: Wish;
  readonly ballots: Map<number, Ballot>;
  state: 'Open' | 'Accepted' | 'Withdrawn' | 'Dropped';
}

/** Outcomes: 'done' is any 2xx; the others are refusals by kind. */
type Result = 'done' | 'unauthorised' | 'refused' | 'failed';

class Model {
  readonly members = new Map<number, 'Accepted' | 'Active'>();
  /** By order of submission; a closed one is forgotten when another closes. */
  readonly proposals = new Map<number, ModelProposal>();
  #next = 0;

  play(move: Move): Result {
    if (move.kind === 'activate') {
      if (!this.members.has(move.by)) return 'unauthorised';
      this.members.set(move.by, 'Active');
      return 'done';
    }
    if (this.members.get(move.by) !== 'Active') return 'unauthorised';
    if (move.kind === 'propose') {
      this.proposals.set(this.#next++, {
        proposer: move.by,
        wish: move.wish,
        ballots: new Map(),
        state: 'Open',
      });
      return 'done';
    }
    const proposal = this.proposals.get(move.which);
    if (move.kind === 'withdraw') {
      if (proposal === undefined) return 'done';
      if (proposal.proposer !== move.by) return 'refused';
      if (proposal.state === 'Withdrawn') return 'done';
      if (proposal.state !== 'Open') return 'refused';
      proposal.state = 'Withdrawn';
      this.#forgetOthers(move.which);
      return 'done';
    }
    if (proposal === undefined || proposal.state !== 'Open') return 'refused';
    const earlier = proposal.ballots.get(move.by);
    if (earlier !== undefined) return earlier === move.ballot ? 'done' : 'refused';
    proposal.ballots.set(move.by, move.ballot);
    if (!this.#isAccepted(proposal)) return 'done';
    if (!this.#isPossible(proposal.wish)) {
      proposal.ballots.delete(move.by);
      return 'failed';
    }
    this.#accept(move.which, proposal);
    return 'done';
  }

  /** Who votes has changed: the ballots that are there may decide. In the order of the ids, which is no order to us. */
  reconsider(order: readonly number[]): void {
    let changed = true;
    while (changed) {
      changed = false;
      for (const which of order) {
        const proposal = this.proposals.get(which);
        if (proposal?.state !== 'Open' || !this.#isAccepted(proposal)) continue;
        if (!this.#isPossible(proposal.wish)) continue;
        this.#accept(which, proposal);
        changed = true;
      }
    }
  }

  #accept(which: number, proposal: ModelProposal): void {
    proposal.state = 'Accepted';
    this.#forgetOthers(which);
    this.#carryOut(proposal.wish, proposal);
  }

  #isAccepted({ ballots }: ModelProposal): boolean {
    const active = [...this.members].filter(([, status]) => status === 'Active').map(([who]) => who);
    const inFavour = active.filter((who) => ballots.get(who) === 'for').length;
    return inFavour > active.length / 2;
  }

  /** Member 0 alone can recover the service, so it cannot be removed while it is active. */
  #isPossible(wish: Wish): boolean {
    if (wish.kind === 'impossible') return false;
    return !(wish.kind === 'remove' && wish.who === 0 && this.members.get(0) === 'Active');
  }

  #carryOut(wish: Wish, self: ModelProposal): void {
    if (wish.kind === 'add') this.members.set(wish.who, 'Accepted');
    if (wish.kind === 'remove') this.members.delete(wish.who);
    if (wish.kind !== 'new law') return;
    for (const other of this.proposals.values()) {
      if (other !== self && other.state === 'Open') other.state = 'Dropped';
    }
  }

  #forgetOthers(kept: number): void {
    for (const [which, proposal] of this.proposals) {
      if (which !== kept && proposal.state !== 'Open') this.proposals.delete(which);
    }
  }
}

const people = 5;
const who = fc.integer({ min: 0, max: people - 1 });
/** How many proposals ago; see `placed`. */
const which = fc.integer({ min: 0, max: 4 });
const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const, 'remove' as const), who }),
  fc.record({ kind: fc.constantFrom('nothing' as const, 'impossible' as const, 'new law' as const) }),
);
const anything: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('propose' as const), by: who, wish }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('vote' as const),
      by: who,
      which,
      ballot: fc.constantFrom('for', 'for', 'for', 'against', 'throws') as fc.Arbitrary<Ballot>,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), by: who, which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('activate' as const), by: who }) },
);

/** Somebody is voted out while something else waits for one vote more: now it needs it no longer, or not yet. */
const departure: fc.Arbitrary<readonly Move[]> = fc
  .tuple(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), wish, anything)
  .map(([[a = 0, b = 1, c = 2, d = 3], wish, between]) => {
    const propose = (by: number, wish: Wish) => ({ kind: 'propose', by, wish }) as const;
    const vote = (by: number) => ({ kind: 'vote', by, which: 0, ballot: 'for' }) as const;
    const waiting = [propose(a, wish), vote(a), vote(b), between];
    return [...waiting, propose(c, { kind: 'remove', who: d }), vote(a), vote(b), vote(c), vote(d)];
  });
const moves: fc.Arbitrary<readonly Move[]> = fc
  .array(
    fc.oneof({ weight: 6, arbitrary: anything.map((move) => [move]) }, { weight: 1, arbitrary: departure }),
    {
      minLength: 10,
      maxLength: 20,
    },
  )
  .map((parts) => parts.flat());

/** The move with its proposal by number, counted from the latest of so many. */
function placed(move: Move, proposals: number): Move {
  return 'which' in move ? { ...move, which: proposals - 1 - move.which } : move;
}

const ballotTexts: Readonly<Record<Ballot, string>> = {
  for: 'export function vote() { return true; }',
  against: 'export function vote() { return false; }',
  throws: 'export function vote() { throw new Error("no opinion"); }',
};

/** The real thing, played with the same moves. */
class Reality {
  readonly consortium = new Consortium({
    engine,
    constitution,
    roles: ['participant', 'none', 'none', 'none'],
  });
  readonly people: readonly Person[];
  /** Ids by order of submission. */
  readonly ids: string[] = [];

  constructor(outsiders: readonly Person[]) {
    this.people = [...this.consortium.members, ...outsiders];
    this.consortium.activateAll();
  }

  play(move: Move): Result {
    const by = this.people[move.by] as Person;
    const answer = this.#send(move, by);
    if (answer.status >= 200 && answer.status < 300) {
      if (move.kind === 'propose') this.ids.push((answer.body as { proposalId: string }).proposalId);
      return 'done';
    }
    if (answer.status === 401) return 'unauthorised';
    return answer.status === 500 ? 'failed' : 'refused';
  }

  #send(move: Move, by: Person) {
    const { consortium } = this;
    switch (move.kind) {
      case 'activate':
        return this.#activate(by);
      case 'propose':
        return consortium.propose(by, this.#action(move.wish));
      case 'vote':
        return consortium.vote(by, this.#idOf(move.which), ballotTexts[move.ballot]);
      case 'withdraw':
        return consortium.withdraw(by, this.#idOf(move.which));
    }
  }

  #activate(by: Person) {
    const path = `/gov/members/state-digests/${by.id}`;
    const update = this.consortium.post(`${path}:update`, by, { type: 'state_digest' });
    if (update.status !== 200) return update;
    const { stateDigest } = update.body as { stateDigest: string };
    return this.consortium.post(`${path}:ack`, by, { type: 'ack', payload: { stateDigest } });
  }

  #action(wish: Wish): { name: string; args?: unknown } {
    switch (wish.kind) {
      case 'nothing':
        return { name: 'remove_ca_cert_bundle', args: { name: 'none' } };
      case 'impossible':
        return { name: 'set_member_data', args: { member_id: '0'.repeat(64), member_data: {} } };
      case 'new law':
        return { name: 'set_constitution', args: { constitution } };
      case 'add':
        return { name: 'set_member', args: this.#membership(wish.who) };
      case 'remove':
        return { name: 'remove_member', args: { member_id: (this.people[wish.who] as Person).id } };
    }
  }

  #membership(who: number) {
    const { certificate, encryptionKey } = this.people[who] as Person;
    if (encryptionKey === undefined) return { cert: certificate };
    return { cert: certificate, encryption_pub_key: encryptionKey.publicKey.pem };
  }

  #idOf(which: number): string {
    return this.ids[which] ?? 'f'.repeat(64);
  }

  members(): Map<number, string> {
    const state = this.consortium.store.begin();
    const statuses = this.people.map((person, i) => [i, memberInfos.get(state, person.id)?.status] as const);
    return new Map(statuses.flatMap(([i, status]) => (status === undefined ? [] : [[i, status] as const])));
  }

  proposals(): Map<number, { state: string; ballots: number }> {
    const state = this.consortium.store.begin();
    const found = new Map<number, { state: string; ballots: number }>();
    for (const [id, info] of proposalInfos.entries(state)) {
      found.set(this.ids.indexOf(id), { state: info.state, ballots: Object.keys(info.ballots).length });
    }
    return found;
  }
}

/** With four members three must agree, and with three two: who leaves may decide what others have voted on. */
const founders = [0, 1, 2, 3];
const outsiders = [makePerson('outsider')];

test('whatever members propose, vote and withdraw, governance does what the model says', {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(moves, (moves) => {
      const model = new Model();
      for (const member of founders) model.members.set(member, 'Active');
      const reality = new Reality(outsiders);
      const idOf = (which: number) => reality.ids[which] ?? '';
      for (const next of moves) {
        const each = placed(next, reality.ids.length);
        assert.equal(reality.play(each), model.play(each), JSON.stringify(each));
        const order = [...reality.ids.keys()].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
        reality.consortium.reconsiderAll();
        model.reconsider(order);
        assert.deepEqual(reality.members(), model.members);
        const expected = [...model.proposals].map(
          ([i, p]) => [i, { state: p.state, ballots: p.ballots.size }] as const,
        );
        assert.deepEqual(reality.proposals(), new Map(expected));
      }
    }),
    { numRuns: 8, seed: 20261123 },
  );
});
