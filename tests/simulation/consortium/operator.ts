import type { ServiceInfoOut } from '@coco/api';
import { versioned } from '@coco/client';
import { type Script, sleep } from '../world/script.ts';
import { Caller, contentOf, get } from './caller.ts';
import type { Consortium } from './consortium.ts';
import { bundle } from './contract.ts';
import type { Daemon } from './daemon.ts';
import type { Members } from './governance.ts';
import type { Machine } from './machine.ts';

const LOOK_MS = 100;
const RESTART_MS = 500;

/** Whoever runs the machines: starts the service, and brings it back whenever nothing of it is left. */
export class Operator {
  /** The service serves as far as the operator knows. */
  isOpen = false;
  /** Certificate of the service, the present one last. */
  readonly certificates: string[] = [];
  readonly #consortium: Consortium;
  readonly #members: Members;
  readonly #caller: Caller;
  /** Puts back the undamaged files of a machine. */
  readonly #backups = new Map<Machine, () => void>();

  constructor(consortium: Consortium, members: Members) {
    this.#consortium = consortium;
    this.#members = members;
    this.#caller = new Caller(consortium, null);
  }

  /** The life of the service. */
  *run(): Script {
    const machine = this.#consortium.addMachine();
    let daemon = this.#consortium.launch(machine, { type: 'Start', members: this.#members.members });
    yield* this.#open(daemon);
    for (;;) {
      yield* sleep(this.#consortium.clock, RESTART_MS);
      if (daemon.isAlive) continue;
      this.isOpen = false;
      machine.disk.isFull = false;
      daemon = yield* this.#recover(machine);
    }
  }

  /** Remembers what is on the platter, before it is damaged. */
  backUp(machine: Machine): void {
    if (!this.#backups.has(machine)) this.#backups.set(machine, machine.disk.backUp());
  }

  /** From a service that was just created to one that serves clients. */
  *#open(daemon: Daemon): Script {
    yield* this.#serviceCertificate(daemon);
    yield* this.#members.activate();
    yield* this.#members.pass(() => [
      ...this.#members.users.map(({ certificate }) => ({ name: 'set_user', args: { cert: certificate } })),
      { name: 'set_js_app', args: { bundle } },
      { name: 'transition_service_to_open', args: { next_service_identity: daemon.serviceCertificate } },
    ]);
    yield* this.#untilOpen(daemon);
  }

  /** From the files of a lost service to one that serves again. A process that dies meanwhile is another's case. */
  *#recover(machine: Machine): Script<Daemon> {
    this.#consortium.reached.add('recovery');
    const serviceCertificate = this.certificates.at(-1)!;
    const daemon = this.#consortium.launch(machine, { type: 'Recover', serviceCertificate });
    while (daemon.isAlive && daemon.serviceCertificate === null)
      yield* sleep(this.#consortium.clock, LOOK_MS);
    if (!daemon.isAlive) {
      this.#restore(machine);
      return daemon;
    }
    yield* this.#serviceCertificate(daemon);
    const previous = serviceCertificate;
    while (daemon.isAlive) {
      const status = yield* this.#serviceStatus(machine);
      if (status === 'Open') break;
      if (status === 'Recovering') {
        yield* this.#members.pass(
          () => [
            {
              name: 'transition_service_to_open',
              args: { previous_service_identity: previous, next_service_identity: daemon.serviceCertificate },
            },
          ],
          3,
        );
      }
      if (status === 'WaitingForRecoveryShares') yield* this.#members.submitShares();
      yield* sleep(this.#consortium.clock, LOOK_MS);
    }
    if (daemon.isAlive) this.#opened();
    return daemon;
  }

  *#serviceStatus(machine: Machine): Script<string | undefined> {
    const reply = yield* this.#caller.ask(machine, get(versioned('/gov/service/info')));
    return contentOf<ServiceInfoOut>(reply)?.status;
  }

  *#untilOpen(daemon: Daemon): Script {
    while (daemon.isAlive && (yield* this.#serviceStatus(daemon.machine)) !== 'Open') {
      yield* sleep(this.#consortium.clock, LOOK_MS);
    }
    if (daemon.isAlive) this.#opened();
  }

  #opened(): void {
    this.isOpen = true;
    this.#consortium.note('operator', 'service open');
  }

  *#serviceCertificate(daemon: Daemon): Script {
    while (daemon.isAlive && daemon.serviceCertificate === null)
      yield* sleep(this.#consortium.clock, LOOK_MS);
    if (daemon.serviceCertificate !== null) this.certificates.push(daemon.serviceCertificate);
  }

  /** A node refused the files: they are damaged, and there is a copy of them. */
  #restore(machine: Machine): void {
    this.#backups.get(machine)?.();
    this.#backups.delete(machine);
  }
}
