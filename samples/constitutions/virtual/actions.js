// Additions for services whose nodes run without a trusted execution environment: which virtual nodes may
// join. Put this file after default/actions.js.

{
  const measurements = jsonTable("nodes.virtual.measurements");
  const hostData = () => ccf.kv["public:ccf.gov.nodes.virtual.host_data"];

  actions.set(
    "add_virtual_measurement",
    admitting(
      (args) => checkType(args.measurement, "string", "measurement"),
      (args) => measurements.set(args.measurement, ALLOWED_TO_JOIN),
    ),
  );
  actions.set(
    "remove_virtual_measurement",
    new Action(
      (args) => checkType(args.measurement, "string", "measurement"),
      (args) => measurements.delete(args.measurement),
    ),
  );
  actions.set(
    "add_virtual_host_data",
    admitting(
      (args) => checkHex(args.host_data, null, "host_data"),
      // A set: the key alone matters.
      (args) => hostData().set(ccf.strToBuf(args.host_data), getSingletonKvKey()),
    ),
  );
  actions.set(
    "remove_virtual_host_data",
    new Action(
      (args) => checkType(args.host_data, "string", "host_data"),
      (args) => hostData().delete(ccf.strToBuf(args.host_data)),
    ),
  );
}
