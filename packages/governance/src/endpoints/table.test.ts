import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { govEndpoints } from './table.ts';

describe('the governance interface', () => {
  test('reads are open to everybody, and every write is signed by a member', () => {
    for (const { method, path, auth, mode } of govEndpoints) {
      if (method === 'GET') assert.deepEqual([path, auth, mode], [path, [], 'readonly']);
      else if (mode === 'readwrite')
        assert.match(
          JSON.stringify(auth),
          /^\[\{"policy":"(active_)?member_cose_sign1","type":"\w+"\}\]$/,
          path,
        );
    }
  });

  test('what a proposal would change is for members to see, and changes nothing', () => {
    const previews = govEndpoints.filter(({ method, mode }) => method === 'POST' && mode === 'readonly');
    const auth = [{ policy: 'member_cose_sign1', type: 'preview' }, 'member_cert'];
    assert.deepEqual(
      previews.map((row) => [row.path, row.auth]),
      [
        ['/gov/members/proposals:preview', auth],
        ['/gov/service/undo:preview', auth],
      ],
    );
  });

  test('a member who has not acknowledged the state may do that, and change nothing else', () => {
    const open = govEndpoints.filter(
      ({ auth, mode }) => mode === 'readwrite' && JSON.stringify(auth).includes('"member_cose_sign1"'),
    );
    const digest = '/gov/members/state-digests/{memberId}';
    assert.deepEqual(
      open.map(({ path }) => path),
      [`${digest}:update`, `${digest}:ack`],
    );
  });
});
