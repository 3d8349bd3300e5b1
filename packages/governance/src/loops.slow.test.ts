import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proposalInfos } from './index.ts';
import { Consortium } from './testing/consortium.ts';
import { testEngine } from './testing/engine.ts';
import type { Person } from './testing/people.ts';
import { variant } from './testing/texts.ts';

// Governance code has five seconds, whatever the application has: these tests last as long.

const engine = testEngine();
const forever = 'for (;;) {}';

function service(constitution = variant()): { consortium: Consortium; first: Person } {
  const consortium = new Consortium({ engine, constitution, roles: ['participant', 'none', 'none'] });
  consortium.activateAll();
  return { consortium, first: consortium.members[0] as Person };
}

describe('governance code that never ends', () => {
  test('as a ballot is no vote, and its failure is on record', () => {
    const { consortium, first } = service();
    const { proposalId } = consortium.propose(first, { name: 'remove_js_app' }).body as {
      proposalId: string;
    };
    const ballot = `export function vote() { ${forever} }`;
    assert.equal(consortium.vote(first, proposalId, ballot).status, 200);
    assert.equal(proposalInfos.require(consortium.store.begin(), proposalId).state, 'Open');
    consortium.vote(consortium.members[1] as Person, proposalId);
    const last = consortium.vote(consortium.members[2] as Person, proposalId);
    const { voteFailures } = last.body as { voteFailures: Record<string, { reason: string }> };
    assert.equal(voteFailures[first.id]?.reason, 'Operation took too long to complete.');
  });

  for (const [phase, message] of [
    ['validate', /^Failed to execute validation: Operation took too long/],
    ['resolve', /^Failed to resolve\(\): Operation took too long/],
    ['apply', /^Failed to apply\(\): Operation took too long/],
  ] as const) {
    test(`in ${phase} fails the request and leaves nothing`, () => {
      const text = variant('sandbox').replace(
        new RegExp(`(export function ${phase}\\([^)]*\\) \\{)`),
        `$1 ${forever}`,
      );
      const { consortium, first } = service(text);
      const before = consortium.store.version;
      const answer = consortium.propose(first);
      assert.equal(answer.status, 500);
      assert.match((answer.body as { error: { message: string } }).error.message, message);
      assert.equal(consortium.store.version, before);
    });
  }
});
