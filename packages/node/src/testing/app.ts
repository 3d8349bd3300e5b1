const endpoint = (
  js_function: string,
  mode: string,
  forwarding_required: string,
  redirection_strategy: string,
) => ({
  js_module: 'app.js',
  js_function,
  forwarding_required,
  redirection_strategy,
  authn_policies: ['no_auth'],
  mode,
  openapi: {},
});

/**
 * Keeps one private value: `PUT /value` writes it, `GET /value` reads it wherever it is asked; `PUT /other` writes
 * another, `PUT /copy` takes what was written at a seqno from the past.
 */
export const app = {
  metadata: {
    endpoints: {
      '/value': {
        put: endpoint('put', 'readwrite', 'always', 'to_primary'),
        get: endpoint('get', 'readonly', 'sometimes', 'none'),
      },
      '/other': { put: endpoint('putOther', 'readwrite', 'always', 'to_primary') },
      '/copy': { put: endpoint('putCopy', 'readwrite', 'always', 'to_primary') },
      '/stubborn': { put: endpoint('put', 'readwrite', 'never', 'none') },
    },
  },
  modules: [
    {
      name: 'app.js',
      module: `
        export function put(request) {
          ccf.kv["values"].set(ccf.strToBuf("v"), request.body.arrayBuffer());
          return { statusCode: 200 };
        }
        export function putOther(request) {
          ccf.kv["values"].set(ccf.strToBuf("other"), request.body.arrayBuffer());
          return { statusCode: 200 };
        }
        export function putCopy(request) {
          const seqno = request.body.json();
          const states = ccf.historical.getStateRange(seqno, seqno, seqno, 60);
          if (states === null) return { statusCode: 202 };
          ccf.kv["values"].set(ccf.strToBuf("copy"), states[0].kv["values"].get(ccf.strToBuf("v")));
          return { statusCode: 200 };
        }
        export function get() {
          const value = ccf.kv["values"].get(ccf.strToBuf("v"));
          return { body: value === undefined ? "nothing" : ccf.bufToStr(value) };
        }`,
    },
  ],
};
