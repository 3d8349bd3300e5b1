import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToByteString } from '@coco/kv';
import { portableLatin1, readLatin1, writeLatin1 } from './latin1.ts';

test('bytes written and read with and without a Buffer are the same', () => {
  for (const length of [0, 1, 31, 4095, 4096, 4097, 10_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff);
    const text = bytesToByteString(bytes);
    const native = new Uint8Array(length + 8);
    const portable = new Uint8Array(length + 8);
    writeLatin1(native, 3, text);
    portableLatin1.write(portable, 3, text);
    assert.deepEqual(native, portable);
    assert.deepEqual(native.slice(3, 3 + length), bytes);
    assert.equal(readLatin1(native, 3, 3 + length), text);
    assert.equal(portableLatin1.read(native, 3, 3 + length), text);
  }
});
