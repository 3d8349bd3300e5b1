import type { Bundle } from '../../apps/cli/src/contract/bundle.ts';

/**
 * Two contracts as one application: the endpoints of the second begin with `prefix`, and so do its modules. They share
 * the maps, as any two modules of an application do.
 */
export function beside(first: Bundle, prefix: string, second: Bundle): Bundle {
  const folder = prefix.slice(1);
  const endpoints = Object.entries(second.metadata.endpoints).map(([path, methods]) => [
    prefix + path,
    Object.fromEntries(
      Object.entries(methods).map(([method, properties]) => [
        method,
        {
          ...properties,
          js_module: `${folder}/${properties.js_module}`,
          // What may be kept between calls is kept for each contract by itself.
          interpreter_reuse: { key: folder },
        },
      ]),
    ),
  ]);
  return {
    metadata: {
      ...first.metadata,
      endpoints: { ...first.metadata.endpoints, ...Object.fromEntries(endpoints) },
    },
    modules: [
      ...first.modules,
      ...second.modules.map(({ name, module }) => ({ name: `${folder}/${name}`, module })),
    ],
  };
}
