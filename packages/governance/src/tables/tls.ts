import { json } from './codec.ts';
import { serviceMap } from './table.ts';

/** PEM bundles of certificate authorities the service trusts when it fetches, by name. */
export const caCertBundles = serviceMap('public:ccf.gov.tls.ca_cert_bundles', json<string>());
