// Competitors on one ledger: what each may see, what all may know, and a mistake that members undo by vote.
import { join } from 'node:path';
import {
  fetchStanding,
  get,
  idOf,
  jsonOf,
  previewUndo,
  privateTransactions,
  type Session,
  submit,
  textOf,
  undoProposal,
} from '@coco/client';
import { formatTxId, parseTxId } from '@coco/ledger';
import { type Bundle, buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { graphLines } from '../../apps/cli/src/governance/undo-text.ts';
import { beside } from './beside.ts';
import type { Consortium } from './consortium.ts';

const parties = ['grocer', 'baker', 'mill', 'farm', 'north-bank', 'south-bank'] as const;
type Party = (typeof parties)[number];

const contracts = {
  trade: join(import.meta.dirname, '../contracts/trade'),
  prices: join(import.meta.dirname, 'price-list'),
};

/** The endpoint with the mistake. */
const mistaken = 'POST /prices/price-list';

/** The contracts of the market, to be installed beside another one: at `/app/trade` and `/app/prices`. */
export async function besideMarket(bundle: Bundle): Promise<Bundle> {
  const trade = await buildBundle(contracts.trade);
  const prices = await buildBundle(contracts.prices);
  return beside(beside(bundle, '/trade', trade.bundle), '/prices', prices.bundle);
}

/** A day at the market. Answers what there is to tell of it, a line each. */
export async function marketDay(consortium: Consortium, say: (line: string) => void): Promise<string[]> {
  const market = new Market(consortium);
  say('members record six parties and an auditor; the parties trade in private ...');
  await market.open();
  await market.trade();
  const seen = await market.views();
  const financed = await market.finance();
  say('a contract with a mistake prices the orders of a mill; members look at what undoing it would do ...');
  const undone = await market.undoMistake();
  return [
    ...titled('private orders', seen),
    ...titled('market total', [`${await market.total()} in all, told to everybody; whose it is, to nobody`]),
    ...titled('invoices', financed),
    ...titled('undo by vote', undone),
    ...titled('auditor', await market.audit()),
  ];
}

class Market {
  readonly #consortium: Consortium;
  readonly #sessions: ReadonlyMap<Party | 'auditor', Session>;
  /** Numbers of this run: an earlier one has used others. */
  readonly #run = Date.now().toString(36).toUpperCase();

  constructor(consortium: Consortium) {
    this.#consortium = consortium;
    const people = [...parties, 'auditor' as const];
    this.#sessions = new Map(people.map((who) => [who, consortium.session(consortium.userOf(who))]));
  }

  /** Who acts for whom, and who may look at what, is for members to say. */
  async open(): Promise<void> {
    const user = (who: string) => this.#consortium.userOf(who).certificate;
    const quarter = quarterOf(new Date());
    await this.#consortium.network.decide([
      { name: 'resume_app', args: { endpoints: [mistaken] } },
      ...parties.flatMap((party) => [
        { name: 'set_party', args: { party } },
        { name: 'set_user', args: { cert: user(party) } },
        { name: 'set_access_user', args: { user_id: idOf(user(party)), party } },
      ]),
      { name: 'set_user', args: { cert: user('auditor') } },
      { name: 'set_access_user', args: { user_id: idOf(user('auditor')), roles: ['auditor'] } },
      {
        name: 'set_access_grant',
        args: {
          ...{ grant: quarter.name, to: 'role:auditor', endpoint: 'POST /trade/orders' },
          ...{ from: quarter.from, until: quarter.until, expires: quarter.until, purpose: 'yearly audit' },
        },
      },
    ]);
  }

  /** Two retailers order from two suppliers. */
  async trade(): Promise<void> {
    const orders: readonly [Party, Party, string, number, number][] = [
      ['grocer', 'mill', 'flour', 400, 42],
      ['grocer', 'farm', 'eggs', 1200, 19],
      ['baker', 'mill', 'flour', 2500, 38],
      ['baker', 'farm', 'milk', 300, 95],
    ];
    for (const [i, [buyer, seller, goods, quantity, unitPrice]] of orders.entries()) {
      await this.#write(buyer, '/trade/orders', {
        number: this.#number(i),
        seller,
        goods,
        quantity,
        unitPrice,
      });
    }
  }

  /** How many dealings each party is shown, and what it would pay or get. */
  async views(): Promise<string[]> {
    const lines: string[] = [];
    for (const party of ['grocer', 'baker', 'mill', 'farm'] as const) {
      const mine = await this.#orders(party);
      const others = [...new Set(mine.flatMap(({ buyer, seller }) => [buyer, seller]))].filter(
        (each) => each !== party,
      );
      const known = await all(privateTransactions(this.#as(party), { endpoint: 'POST /trade/orders' }));
      lines.push(`${party}: ${known.length} orders, with ${others.join(' and ')}, worth ${worth(mine)}`);
    }
    return lines;
  }

  async total(): Promise<string> {
    const { total } = await this.#read<{ total: number }>('north-bank', '/trade/market');
    return money(total);
  }

  /** The mill wants the same invoice paid twice. */
  async finance(): Promise<string[]> {
    const invoice = this.#number(0);
    await this.#write('mill', '/trade/invoices', { number: invoice, order: this.#number(0) });
    await this.#write('mill', '/trade/financings', { invoice, bank: 'north-bank' });
    const again = await this.#as('mill').request({
      method: 'POST',
      path: '/app/trade/financings',
      json: { invoice, bank: 'south-bank' },
    });
    const { error } = jsonOf<{ error?: { message: string } }>(again);
    const atSouth = await this.#read<unknown[]>('south-bank', '/trade/financings');
    return [
      `north-bank paid the mill's invoice; at south-bank: ${again.status} ${error?.message ?? ''}`,
      `south-bank sees ${atSouth.length} of north-bank's dealings`,
    ];
  }

  /** A list for a hundred pieces is taken for one of single pieces, until members undo what it did. */
  async undoMistake(): Promise<string[]> {
    const { network } = this.#consortium;
    const before = worth(await this.#orders('mill'));
    const mistake = await this.#write('mill', '/prices/price-list', {
      ...{ goods: 'flour', price: 4100, pieces: 100 },
    });
    const wrong = worth(await this.#orders('mill'));
    await this.#write('mill', '/trade/invoices', { number: this.#number(2), order: this.#number(2) });
    await network.decide([
      { name: 'pause_app', args: { endpoints: [mistaken], reason: 'prices are looked into' } },
    ]);
    const asked = { transactions: [mistake], policy: 'cascade' } as const;
    const preview = await previewUndo(network.session(), network.proposer, asked);
    await network.decide(undoProposal(asked, preview, 'prices of a hundred, not of one').actions);
    const after = worth(await this.#orders('mill'));
    const { proves } = await fetchStanding(this.#as('mill'), parseTxId(mistake));
    const by = proves.by === undefined ? 'nothing' : formatTxId(proves.by);
    return [
      `${mistake} priced the mill's orders ${wrong} instead of ${before}, and an invoice went out; members`,
      'paused the endpoint and looked at what an undo would do:',
      ...graphLines(preview).map((line) => `  ${line}`),
      `  ${preview.changes.length} rows change; what they hold is hidden from members who are no party to them`,
      `they voted for just that: the orders are worth ${after} again; ${mistake} is ${proves.standing} by ${by},`,
      'as the proof of its standing says, verified offline',
    ];
  }

  /** One quarter is open to the auditor, and that the auditor looked is on record. */
  async audit(): Promise<string[]> {
    const auditor = this.#as('auditor');
    const grant = quarterOf(new Date()).name;
    const without = await all(privateTransactions(auditor));
    const seen = await all(privateTransactions(auditor, { grant }));
    return [
      `without a grant ${without.length} orders, by the grant "${grant}" ${seen.length}; each look is recorded`,
    ];
  }

  #as(who: Party | 'auditor'): Session {
    return this.#sessions.get(who)!;
  }

  #number(i: number): string {
    return `${this.#run}-${i + 1}`;
  }

  #orders(party: Party): Promise<Order[]> {
    return this.#read(party, '/trade/orders');
  }

  #read<T>(who: Party, path: string): Promise<T> {
    return get<T>(this.#as(who), `/app${path}`);
  }

  /** Writes, waits for the commit, and answers the transaction id. */
  async #write(who: Party, path: string, json: object): Promise<string> {
    const done = await submit(this.#as(who), { method: 'POST', path: `/app${path}`, json });
    if (done.outcome === 'Committed' && done.transaction) return done.transaction;
    throw new Error(`${path} was answered ${done.answer.status}: ${textOf(done.answer)}`);
  }
}

interface Order {
  readonly buyer: string;
  readonly seller: string;
  readonly quantity: number;
  readonly unitPrice: number;
}

const money = (cents: number): string => (cents / 100).toLocaleString('en', { minimumFractionDigits: 2 });

const worth = (orders: readonly Order[]): string =>
  money(orders.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0));

/** The quarter of a year that a day is in. */
function quarterOf(day: Date): { readonly name: string; readonly from: string; readonly until: string } {
  const year = day.getUTCFullYear();
  const index = Math.floor(day.getUTCMonth() / 3);
  const start = (quarter: number) => new Date(Date.UTC(year, quarter * 3)).toISOString();
  return { name: `${year}-Q${index + 1}`, from: start(index), until: start(index + 1) };
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.map((line, i) => `${i === 0 ? title : ''}`.padEnd(17) + line);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}
