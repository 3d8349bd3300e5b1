import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { govEndpoints } from './table.ts';

describe('the governance interface', () => {
  test('reads are open to everybody, and every write is signed by a member', () => {
    for (const { method, path, auth, mode } of govEndpoints) {
      if (method === 'GET') assert.deepEqual([path, auth, mode], [path, [], 'readonly']);
      else
        assert.match(
          JSON.stringify(auth),
          /^\[\{"policy":"(active_)?member_cose_sign1","type":"\w+"\}\]$/,
          path,
        );
    }
  });

  test('a member who has not acknowledged the state may do that, and nothing else', () => {
    const open = govEndpoints.filter(({ auth }) => JSON.stringify(auth).includes('"member_cose_sign1"'));
    const digest = '/gov/members/state-digests/{memberId}';
    assert.deepEqual(
      open.map(({ path }) => path),
      [`${digest}:update`, `${digest}:ack`],
    );
  });
});
