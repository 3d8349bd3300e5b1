import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Progress } from './progress.ts';

/** A follower that is being replicated to, from seqno 11 on. */
function replicating(): Progress {
  const peer = new Progress(11);
  peer.sent(0, 0);
  peer.accepted(10);
  return peer;
}

describe('what a leader knows of a follower', () => {
  test('a probe is answered before anything else is sent, and the answer starts replication', () => {
    const peer = new Progress(11);
    peer.sent(3, 300);
    assert.deepEqual([peer.state, peer.probing, peer.next], ['probe', true, 11]);
    peer.accepted(13);
    assert.deepEqual([peer.state, peer.probing, peer.next, peer.match], ['replicate', false, 14, 13]);
  });

  test('replication moves on when sending, and the window empties as answers come in', () => {
    const peer = replicating();
    peer.sent(5, 100);
    peer.sent(5, 100);
    assert.deepEqual([peer.next, peer.messagesInFlight, peer.bytesInFlight], [21, 2, 200]);
    peer.accepted(15);
    assert.deepEqual([peer.match, peer.messagesInFlight, peer.bytesInFlight], [15, 1, 100]);
    peer.accepted(20);
    assert.deepEqual([peer.match, peer.messagesInFlight, peer.bytesInFlight], [20, 0, 0]);
  });

  test('match never falls, whatever arrives late', () => {
    const peer = replicating();
    peer.sent(10, 100);
    peer.accepted(20);
    assert.equal(peer.accepted(12), false);
    assert.equal(peer.rejected(15, 3, false), false);
    assert.deepEqual([peer.match, peer.next], [20, 21]);
  });

  test('one loss makes it step back once, however many messages are refused for it', () => {
    const peer = replicating();
    for (let i = 0; i < 4; i++) peer.sent(5, 100);
    assert.equal(peer.rejected(15, 10, true), true);
    assert.deepEqual([peer.state, peer.next, peer.messagesInFlight], ['replicate', 11, 0]);
    for (let i = 0; i < 4; i++) peer.sent(5, 100);
    assert.equal(peer.rejected(20, 10, true), false);
    assert.equal(peer.rejected(25, 10, true), false);
    // What was sent again was lost, too: the heartbeat makes refusals count anew.
    peer.beat();
    assert.equal(peer.rejected(30, 10, true), true);
    assert.equal(peer.next, 11);
  });

  test('an unclear refusal goes back to probing, view by view', () => {
    const peer = replicating();
    peer.sent(5, 100);
    assert.equal(peer.rejected(15, 12, false), true);
    assert.deepEqual([peer.state, peer.next], ['probe', 13]);
    peer.sent(0, 0);
    assert.equal(peer.rejected(15, 12, false), false);
    assert.equal(peer.rejected(12, 11, false), true);
    assert.deepEqual([peer.state, peer.next], ['probe', 12]);
  });

  test('a snapshot ends when the follower answers beyond the gap', () => {
    const peer = new Progress(5);
    peer.needsSnapshot();
    peer.accepted(0);
    assert.equal(peer.rejected(4, 3, true), false);
    assert.equal(peer.state, 'snapshot');
    peer.accepted(40);
    assert.deepEqual([peer.state, peer.next], ['replicate', 41]);

    const other = new Progress(5);
    other.needsSnapshot();
    assert.equal(other.rejected(4, 40, true), true);
    assert.equal(other.next, 41);
  });
});
