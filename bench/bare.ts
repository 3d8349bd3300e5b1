// What a bare HTTPS answer costs here and now: the yardstick for everything above it, since machines and hours differ.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certFile = '', keyFile = ''] = process.argv.slice(2);
const server = createServer(
  { cert: readFileSync(certFile), key: readFileSync(keyFile) },
  (request, response) => {
    request.resume();
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('x-ms-ccf-transaction-id', '2.1');
      response.setHeader('content-length', '4');
      response.end('true');
    });
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) console.log(address.port);
});
