import type { NounRow } from './command.ts';

/** Every noun of `coco`. Help and completion come from here; a noun's file is loaded when it is used. */
export const nouns: readonly NounRow[] = [
  {
    name: 'transaction',
    summary: 'Write to a service, and follow what becomes of it',
    load: async () => (await import('./commands/transaction.ts')).transaction,
  },
  {
    name: 'receipt',
    summary: 'Fetch proofs of transactions, and verify them offline',
    load: async () => (await import('./commands/receipt.ts')).receipt,
  },
  {
    name: 'service',
    summary: 'Look at a service: status, identity',
    load: async () => (await import('./commands/service.ts')).service,
  },
  {
    name: 'network',
    summary: 'How the nodes of a service stand together, and what to do about it',
    load: async () => (await import('./commands/network.ts')).network,
  },
  {
    name: 'node',
    summary: 'Let nodes in, take them out, renew their certificates',
    load: async () => (await import('./commands/node.ts')).node,
  },
  {
    name: 'governance',
    summary: 'Propose, vote, acknowledge, recover: with a key here or in a hardware module',
    load: async () => (await import('./commands/governance.ts')).governance,
  },
  {
    name: 'undo',
    summary: 'Take back what was committed, by vote: see first what hangs on it',
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  {
    name: 'contract',
    summary: 'Make, test, build and compare contracts',
    load: async () => (await import('./commands/contract.ts')).contract,
  },
  {
    name: 'client',
    summary: 'Write code that calls a contract',
    load: async () => (await import('./commands/client.ts')).client,
  },
  {
    name: 'ledger',
    summary: 'Audit and read ledger files offline',
    load: async () => (await import('./commands/ledger.ts')).ledger,
  },
  {
    name: 'attestation',
    summary: "Verify what a machine's hardware says it runs",
    load: async () => (await import('./commands/attestation.ts')).attestation,
  },
  {
    name: 'key',
    summary: 'Make keys of members and users, and tell their ids',
    load: async () => (await import('./commands/key.ts')).key,
  },
  {
    name: 'profile',
    summary: 'Keep addresses and keys under a name',
    load: async () => (await import('./commands/profile.ts')).profile,
  },
  {
    name: 'dev',
    summary: 'Run a service on this machine to develop against',
    load: async () => (await import('./commands/dev.ts')).dev,
  },
  {
    name: 'completion',
    summary: 'Complete commands in the shell',
    load: async () => (await import('./commands/completion.ts')).completionOf(nouns),
  },
];
