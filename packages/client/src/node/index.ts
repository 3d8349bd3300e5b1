export type { HttpsOptions, HttpsTransport } from './transport.ts';
export { httpsTransport, nodeWorld } from './transport.ts';
