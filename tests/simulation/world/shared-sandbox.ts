import type { Limits } from '@coco/contracts';
import { IsolateSandbox } from '../../../packages/contracts/src/javascript/isolate-sandbox.ts';
import type {
  Compartment,
  MakeSandbox,
  Sandbox,
} from '../../../packages/contracts/src/javascript/sandbox.ts';
import type { LinkedModule } from '../../../packages/contracts/src/modules/link.ts';

/**
 * One isolate for the apps of all nodes, since making one takes longer than a virtual second of a quiet service. What
 * an app leaves in it goes when that app does. Whoever makes these disposes of the isolate by `using`.
 */
export class SharedSandbox implements Disposable {
  readonly #isolates = new Map<string, IsolateSandbox>();

  /** As `EngineOptions` wants it. */
  readonly make: MakeSandbox = (limits) => lend(this.#isolateFor(limits));

  [Symbol.dispose](): void {
    for (const isolate of this.#isolates.values()) isolate[Symbol.dispose]();
  }

  #isolateFor(limits: Limits): IsolateSandbox {
    const name = JSON.stringify(limits);
    const known = this.#isolates.get(name);
    if (known?.isAlive) return known;
    const made = new IsolateSandbox(limits);
    this.#isolates.set(name, made);
    return made;
  }
}

function lend(isolate: IsolateSandbox): Sandbox {
  const compartments: Compartment[] = [];
  const compiled: LinkedModule[] = [];
  let isGivenBack = false;
  return {
    get isAlive() {
      return !isGivenBack && isolate.isAlive;
    },
    compile(module) {
      compiled.push(module);
      isolate.compile(module);
    },
    forget: (module) => isolate.forget(module),
    open(...world) {
      const compartment = isolate.open(...world);
      compartments.push(compartment);
      return compartment;
    },
    [Symbol.dispose]() {
      isGivenBack = true;
      if (!isolate.isAlive) return;
      for (const compartment of compartments) compartment.release();
      for (const module of compiled) isolate.forget(module);
    },
  };
}
