import type { ProposalIn } from '@coco/api';
import { pick, type Random } from '../world/random.ts';
import { type Script, sleep } from '../world/script.ts';
import type { Consortium } from './consortium.ts';
import type { Members } from './governance.ts';
import type { Operator } from './operator.ts';

type Actions = ProposalIn['actions'];

/** What members decide now and then while the service serves: nothing that would end it. */
export class Governor {
  readonly #consortium: Consortium;
  readonly #members: Members;
  readonly #operator: Operator;
  readonly #random: Random;
  isStopped = false;

  constructor(consortium: Consortium, members: Members, operator: Operator, random: Random) {
    this.#consortium = consortium;
    this.#members = members;
    this.#operator = operator;
    this.#random = random;
  }

  *run(): Script {
    const { clock, parameters } = this.#consortium;
    while (!this.isStopped) {
      yield* sleep(clock, this.#random() * 2 * parameters.governEveryMs);
      if (!this.#operator.isOpen || this.isStopped) continue;
      const actions = this.#actions();
      const isAccepted = yield* this.#members.pass(() => actions, 2);
      if (isAccepted) for (const { name } of actions) this.#consortium.reached.add(name);
    }
  }

  #actions(): Actions {
    const from = new Date(this.#consortium.epoch + this.#consortium.clock.now - 3_600_000).toISOString();
    const validity = { valid_from: `${from.slice(0, 19)}Z`, validity_period_days: 30 };
    const choices: readonly Actions[] = [
      [{ name: 'trigger_ledger_rekey' }],
      [{ name: 'trigger_ledger_chunk' }],
      [{ name: 'trigger_snapshot' }],
      [{ name: 'trigger_recovery_shares_refresh' }],
      [{ name: 'trigger_ledger_rekey' }, { name: 'trigger_snapshot' }],
      [{ name: 'set_js_app', args: { bundle: this.#consortium.bundle } }],
      [
        {
          name: 'set_user_data',
          args: { user_id: this.#members.users[0]!.id, user_data: { at: this.#consortium.clock.now } },
        },
      ],
      [{ name: 'set_service_certificate_validity', args: validity }],
      [{ name: 'set_all_nodes_certificate_validity', args: validity }],
    ];
    return pick(this.#random, choices)!;
  }
}
