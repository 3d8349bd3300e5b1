import { parseCertificate as parse } from '@coco/crypto';
import { remembering, textOf } from './remember.ts';

export * from '@coco/crypto';

/** The few certificates of a run are parsed by every node, for every signature and connection. */
export const parseCertificate: typeof parse = remembering(parse, (pemOrDer) =>
  typeof pemOrDer === 'string' ? pemOrDer : textOf(pemOrDer),
);
