// Network namespaces joined by a bridge, by iproute2: each has one link, which can be taken down and up again.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeExecutable } from '../../apps/cli/src/dev/node-process.ts';

const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Whether namespaces may be made here: false when so, else why not. */
function obstacle(): string | false {
  const probe = `coco-probe-${process.pid}`;
  try {
    ip('netns', 'add', probe);
    ip('link', 'add', 'coco-probe', 'type', 'bridge');
    return false;
  } catch (error) {
    return `network namespaces cannot be made here: ${error instanceof Error ? error.message : error}`.trim();
  } finally {
    for (const undo of [
      ['link', 'del', 'coco-probe'],
      ['netns', 'del', probe],
    ]) {
      try {
        ip(...undo);
      } catch {
        // It was not made.
      }
    }
  }
}

/** Some namespaces at 10.77.0.11, 10.77.0.12, ... and this machine at 10.77.0.1. */
export class Namespaces implements Disposable {
  static readonly obstacle = obstacle();
  readonly #count: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'coco-netns-'));

  constructor(count: number) {
    this.#count = count;
    ip('link', 'add', 'coco-br', 'type', 'bridge');
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'coco-br');
    ip('link', 'set', 'coco-br', 'up');
    for (let i = 0; i < count; i += 1) {
      const [name, outer, inner] = [this.#name(i), `coco-v${i}`, `coco-w${i}`];
      ip('netns', 'add', name);
      ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner);
      ip('link', 'set', outer, 'master', 'coco-br', 'up');
      ip('link', 'set', inner, 'netns', name);
      ip('-n', name, 'addr', 'add', `${this.address(i)}/24`, 'dev', inner);
      ip('-n', name, 'link', 'set', inner, 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
  }

  address(index: number): string {
    return `10.77.0.${11 + index}`;
  }

  /** Runs the daemon within a namespace. */
  executable(index: number): string {
    const script = join(this.#folder, `node-${index}`);
    writeFileSync(script, `#!/bin/sh\nexec ip netns exec ${this.#name(index)} "${nodeExecutable}" "$@"\n`);
    chmodSync(script, 0o755);
    return script;
  }

  /** Nothing comes to a namespace or from it any more. */
  cut(index: number): void {
    ip('link', 'set', `coco-v${index}`, 'down');
  }

  mendAll(): void {
    for (let i = 0; i < this.#count; i += 1) ip('link', 'set', `coco-v${i}`, 'up');
  }

  #name(index: number): string {
    return `coco-${index}`;
  }

  /** Removes them; the processes in them have to be gone. */
  [Symbol.dispose](): void {
    const each = Array.from({ length: this.#count }, (_, i) => i);
    const links = each.map((i) => ['link', 'del', `coco-v${i}`]);
    const names = each.map((i) => ['netns', 'del', this.#name(i)]);
    for (const words of [...links, ...names, ['link', 'del', 'coco-br']]) {
      try {
        ip(...words);
      } catch {
        // It was not made.
      }
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
