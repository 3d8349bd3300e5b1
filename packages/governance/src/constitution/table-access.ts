import type { ExecutionContext, TableAccess } from '@coco/contracts';

interface TableClass {
  readonly matches: (name: string) => boolean;
  readonly access: Readonly<Record<ExecutionContext, TableAccess>>;
}

const everywhere = (access: TableAccess): TableClass['access'] => ({
  application: access,
  'read-only application': access,
  'read-only governance': access,
  'read-write governance': access,
});

const readable = everywhere('read-only');

/** The first class that matches a name decides. */
const classes: readonly TableClass[] = [
  { matches: (name) => name.startsWith('public:ccf.internal.'), access: readable },
  {
    matches: (name) => name.startsWith('public:ccf.gov.'),
    access: { ...readable, 'read-write governance': 'read-write' },
  },
  {
    matches: (name) => name.startsWith('ccf.gov.') || name.startsWith('ccf.internal.'),
    access: everywhere('none'),
  },
  { matches: (name) => /^(public:)?ccf\./.test(name), access: everywhere('reserved') },
  {
    // Members may seed what an application reads, but must not decide by what it wrote.
    matches: (name) => name.startsWith('public:'),
    access: {
      application: 'read-write',
      'read-only application': 'read-only',
      'read-only governance': 'none',
      'read-write governance': 'write-only',
    },
  },
  {
    // What parties keep confidential is not the consortium's to read.
    matches: () => true,
    access: {
      application: 'read-write',
      'read-only application': 'read-only',
      'read-only governance': 'none',
      'read-write governance': 'none',
    },
  },
];

/** What code running in a context may do with a table of this name. */
export function tableAccess(name: string, context: ExecutionContext): TableAccess {
  const found = classes.find((each) => each.matches(name)) as TableClass;
  return found.access[context];
}
