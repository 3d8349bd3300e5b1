import { CcfDriver, ScenarioFailed } from './ccf-driver.ts';

/** What a command does with its fields. Inspections change nothing, so nothing is checked after them. */
interface Command {
  readonly run: (driver: CcfDriver, fields: readonly string[]) => void;
  readonly inspects?: true;
}

const field = (fields: readonly string[], at: number): string => {
  const value = fields[at];
  if (value === undefined) throw new ScenarioFailed(`field ${at + 1} is missing`);
  return value;
};

/** The two optional lists of `swap_nodes,T,in,A,B,out,C`. */
function inAndOut(fields: readonly string[]): { incoming: string[]; outgoing: string[] } {
  const lists = { in: [] as string[], out: [] as string[] };
  let current: 'in' | 'out' | null = null;
  for (const value of fields) {
    if (value === 'in' || value === 'out') current = value;
    else if (current !== null) lists[current].push(value);
    else throw new ScenarioFailed(`${value} stands before 'in' or 'out'`);
  }
  return { incoming: lists.in, outgoing: lists.out };
}

function trust(driver: CcfDriver, [view = '', ...nodes]: readonly string[]): void {
  driver.swapNodes(view, nodes, []);
}

function summariseMessages(driver: CcfDriver, [from, to]: readonly string[]): void {
  const queued = driver.node(from).queue.filter((message) => message.to === to);
  driver.transcript.push(`${from} to ${to}: ${queued.map(({ message }) => message.kind).join(', ')}`);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  pre_vote_enabled: {
    run: (driver, [value]) => {
      driver.preVote = value === 'true';
    },
  },
  start_node: { run: (driver, fields) => driver.startNode(field(fields, 0)) },
  trust_node: { run: trust },
  trust_nodes: { run: trust },
  swap_node: {
    run: (driver, [view = '', outgoing = '', incoming = '']) =>
      driver.swapNodes(view, [incoming], [outgoing]),
  },
  swap_nodes: {
    run: (driver, [view = '', ...lists]) => {
      const { incoming, outgoing } = inAndOut(lists);
      driver.swapNodes(view, incoming, outgoing);
    },
  },
  nodes: {
    run: (driver, ids) => {
      for (const id of ids) driver.createNode(id);
    },
  },
  create_new_node: { run: (driver, fields) => driver.createNode(field(fields, 0)) },
  replicate_new_configuration: { run: (driver, [view = '', ...ids]) => driver.configure(view, ids) },
  cleanup_nodes: { run: (driver, [view = '', ...ids]) => driver.cleanupNodes(view, ids) },
  replicate: { run: (driver, fields) => driver.replicate(field(fields, 0), field(fields, 1), false) },
  emit_signature: { run: (driver, fields) => driver.replicate(field(fields, 0), 'signature', true) },
  periodic_one: { run: (driver, fields) => driver.node(fields[0]).tick(Number(field(fields, 1))) },
  periodic_all: {
    run: (driver, fields) => {
      for (const node of driver.nodes()) node.tick(Number(field(fields, 0)));
    },
  },
  dispatch_one: { run: (driver, fields) => driver.dispatch(field(fields, 0)) },
  dispatch_all_once: { run: (driver) => driver.dispatchAllOnce() },
  dispatch_all: { run: (driver) => driver.dispatchAll() },
  dispatch_single: { run: (driver, fields) => driver.dispatchSingle(field(fields, 0), field(fields, 1)) },
  drop_pending: { run: (driver, fields) => driver.dropPending(field(fields, 0)) },
  drop_pending_to: { run: (driver, fields) => driver.dropPending(field(fields, 0), field(fields, 1)) },
  shuffle_one: { run: (driver, fields) => driver.shuffle(field(fields, 0)) },
  shuffle_all: {
    run: (driver) => {
      for (const { id } of driver.nodes()) driver.shuffle(id);
    },
  },
  connect: { run: (driver, fields) => driver.connect(field(fields, 0), field(fields, 1)) },
  reconnect: { run: (driver, fields) => driver.connect(field(fields, 0), field(fields, 1)) },
  disconnect: { run: (driver, fields) => driver.disconnect(field(fields, 0), field(fields, 1)) },
  disconnect_node: { run: (driver, fields) => driver.connectNode(field(fields, 0), false) },
  reconnect_node: { run: (driver, fields) => driver.connectNode(field(fields, 0), true) },
  state_one: {
    run: (driver, [id]) => void driver.transcript.push(driver.describe(driver.node(id))),
    inspects: true,
  },
  state_all: {
    run: (driver) => void driver.transcript.push(...driver.nodes().map((node) => driver.describe(node))),
    inspects: true,
  },
  summarise_log: {
    run: (driver, [id]) => void driver.transcript.push(driver.describeLog(driver.node(id))),
    inspects: true,
  },
  summarise_logs_all: {
    run: (driver) => void driver.transcript.push(...driver.nodes().map((node) => driver.describeLog(node))),
    inspects: true,
  },
  summarise_messages: { run: summariseMessages },
  assert_commit_idx: { run: (driver, fields) => driver.assertCommit(field(fields, 0), field(fields, 1)) },
  assert_last_txid: { run: (driver, fields) => driver.assertLast(field(fields, 0), field(fields, 1)) },
  assert_detail: {
    run: (driver, fields) => driver.assertDetail(field(fields, 0), field(fields, 1), field(fields, 2), true),
  },
  'assert_!detail': {
    run: (driver, fields) => driver.assertDetail(field(fields, 0), field(fields, 1), field(fields, 2), false),
  },
  assert_config: {
    run: (driver, [id = '', seqno = '', ...voters]) => driver.assertConfiguration(id, seqno, voters),
  },
  assert_absent_config: {
    run: (driver, fields) => driver.assertConfiguration(field(fields, 0), field(fields, 1), null),
  },
  assert_state_sync: { run: (driver) => driver.assertSync() },
  assert_commit_safety: { run: (driver, [id]) => driver.assertCommitSafety(driver.node(id)) },
  loop_until_sync: { run: (driver) => driver.loopUntilSync() },
};

/** The outcome of a scenario: what it printed, and the line that failed, if one did. */
export interface ScenarioOutcome {
  readonly transcript: readonly string[];
  readonly failure: { readonly line: number; readonly text: string; readonly reason: string } | null;
}

/** Runs a scenario in CCF's language, to its end or to the first line that fails. */
export function runCcfScenario(source: string): ScenarioOutcome {
  const driver = new CcfDriver();
  const lines = source.split('\n');
  const end = lines.findIndex((line) => line.startsWith('===='));
  // What every file ends with, whether it says so or not.
  const script = [...(end < 0 ? lines : lines.slice(0, end)), 'loop_until_sync'];
  for (const [at, line] of script.entries()) {
    const text = line.replace(/#.*/, '').trimEnd();
    if (text === '') continue;
    try {
      run(driver, text);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { transcript: driver.transcript, failure: { line: at + 1, text, reason: error.message } };
    }
  }
  return { transcript: driver.transcript, failure: null };
}

function run(driver: CcfDriver, text: string): void {
  const [name = '', ...fields] = text.split(',');
  const command = COMMANDS[name];
  if (command === undefined) throw new ScenarioFailed(`unknown command ${name}`);
  command.run(driver, fields);
  if (command.inspects) return;
  for (const node of driver.nodes()) driver.assertCommitSafety(node);
}
