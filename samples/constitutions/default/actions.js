// What a proposal may do. A constitution is these actions, then `validate`, `resolve` and `apply`, in one
// module; a variant replaces one of the files or adds actions after this one with `actions.set(...)`.

// ---------------------------------------------------------------------------------------------------------
// Tables. Keys are text; values are JSON or text.

function table(name, encode, decode) {
  const map = () => ccf.kv[`public:ccf.gov.${name}`];
  const decoded = (value) => (value === undefined ? undefined : decode(value));
  return {
    has: (key) => map().has(ccf.strToBuf(key)),
    get: (key) => decoded(map().get(ccf.strToBuf(key))),
    set: (key, value) => map().set(ccf.strToBuf(key), encode(value)),
    delete: (key) => map().delete(ccf.strToBuf(key)),
    clear: () => map().clear(),
    entries: () => {
      const rows = [];
      map().forEach((value, key) => rows.push([ccf.bufToStr(key), decode(value)]));
      return rows;
    },
  };
}

const jsonTable = (name) =>
  table(
    name,
    (value) => ccf.jsonCompatibleToBuf(value),
    (bytes) => ccf.bufToJsonCompatible(bytes),
  );
const textTable = (name) =>
  table(
    name,
    (value) => ccf.strToBuf(value),
    (bytes) => ccf.bufToStr(bytes),
  );

// The key of a table that holds one value.
function getSingletonKvKey() {
  return new ArrayBuffer(8);
}

function singleValue(name, what) {
  const map = () => ccf.kv[name];
  const get = () => {
    const value = map().get(getSingletonKvKey());
    return value === undefined ? undefined : ccf.bufToJsonCompatible(value);
  };
  return {
    get,
    require: () => {
      const value = get();
      if (value === undefined) throw new Error(`${what} could not be found`);
      return value;
    },
    set: (value) => map().set(getSingletonKvKey(), ccf.jsonCompatibleToBuf(value)),
    clear: () => map().clear(),
  };
}

const members = {
  certs: textTable("members.certs"),
  encryptionKeys: textTable("members.encryption_public_keys"),
  info: jsonTable("members.info"),
  acks: jsonTable("members.acks"),
  history: jsonTable("history"),
};
const users = { certs: textTable("users.certs"), info: jsonTable("users.info") };
const nodes = {
  info: jsonTable("nodes.info"),
  endorsedCertificates: textTable("nodes.endorsed_certificates"),
  codeIds: jsonTable("nodes.code_ids"),
};
const snp = {
  measurements: jsonTable("nodes.snp.measurements"),
  hostData: jsonTable("nodes.snp.host_data"),
  uvmEndorsements: jsonTable("nodes.snp.uvm_endorsements"),
  tcbVersions: jsonTable("nodes.snp.tcb_versions"),
};
const attestationPolicy = singleValue("public:ccf.gov.nodes.attestation_policy", "Attestation policy");
const service = {
  info: singleValue("public:ccf.gov.service.info", "Service information"),
  config: singleValue("public:ccf.gov.service.config", "Service configuration"),
  constitution: singleValue("public:ccf.gov.constitution", "Constitution"),
};
const app = {
  modules: textTable("modules"),
  endpoints: jsonTable("endpoints"),
  indexes: jsonTable("indexes"),
  compensations: jsonTable("compensations"),
  paused: jsonTable("endpoints.paused"),
  bytecode: textTable("modules_quickjs_bytecode"),
  bytecodeVersion: singleValue("public:ccf.gov.modules_quickjs_version", "Bytecode version"),
  flush: singleValue("public:ccf.gov.interpreter.flush", "Interpreter flush"),
  runtimeOptions: singleValue("public:ccf.gov.js_runtime_options", "Runtime options"),
  log: singleValue("public:ccf.gov.contract_log", "Rules of the contract's log"),
};
const access = {
  parties: jsonTable("access.parties"),
  users: jsonTable("access.users"),
  nodes: jsonTable("access.nodes"),
  rules: jsonTable("access.rules"),
  grants: jsonTable("access.grants"),
  audiences: jsonTable("access.audiences"),
  settings: singleValue("public:ccf.gov.access.settings", "Access settings"),
};
const jwtIssuers = jsonTable("jwt.issuers");
const caCertBundles = jsonTable("tls.ca_cert_bundles");
const proposalsInfo = jsonTable("proposals_info");
const latestSignature = singleValue("public:ccf.internal.signatures", "Signature");

const ALLOWED_TO_JOIN = "AllowedToJoin";
const CERTIFICATE_VALIDITY_DAYS = 365;

// ---------------------------------------------------------------------------------------------------------
// Checks. Each throws an Error whose message begins with the field it is about. A type that ends in "?" may
// be left out.

function isAbsent(value) {
  return value === null || value === undefined;
}

function checkType(value, type, field) {
  if (type.endsWith("?")) {
    if (!isAbsent(value)) checkType(value, type.slice(0, -1), field);
  } else if (type === "array") {
    if (!Array.isArray(value)) throw new Error(`${field} must be an array`);
  } else if (type === "integer") {
    if (!Number.isInteger(value)) throw new Error(`${field} must be an integer`);
  } else {
    const found = value === null ? "null" : typeof value;
    if (found !== type) throw new Error(`${field} must be of type ${type} but is ${found}`);
  }
}

function checkEnum(value, allowed, field) {
  if (!allowed.includes(value)) throw new Error(`${field} must be one of ${allowed}`);
}

// Both bounds are allowed values; null means no bound.
function checkBounds(value, low, high, field) {
  if (low !== null && value < low) throw new Error(`${field} must be greater than ${low}`);
  if (high !== null && value > high) throw new Error(`${field} must be lower than ${high}`);
}

function checkLength(value, min, max, field) {
  if (min !== null && value.length < min) {
    throw new Error(`${field} must be an array of minimum ${min} elements`);
  }
  if (max !== null && value.length > max) {
    throw new Error(`${field} must be an array of maximum ${max} elements`);
  }
}

function checkNone(args) {
  if (!isAbsent(args)) throw new Error(`Proposal does not accept any argument, found "${args}"`);
}

function checkHex(value, characters, field) {
  checkType(value, "string", field);
  if (characters !== null && value.length !== characters) {
    throw new Error(`${field} must contain exactly ${characters} characters`);
  }
  if (!/^[0-9a-f]*$/i.test(value)) throw new Error(`${field} contains non-hexadecimal character`);
}

// The identifiers of members, users and nodes are digests.
function checkEntityId(value, field) {
  checkHex(value, 64, field);
}

function checkLowerHex(value, characters, field) {
  checkHex(value, characters, field);
  // One spelling only, or the same processor could have two policies.
  if (value !== value.toLowerCase()) throw new Error(`${field} must be lower case hexadecimal`);
}

function checkX509CertBundle(value, field) {
  if (typeof value !== "string" || !ccf.crypto.isValidX509CertBundle(value)) {
    throw new Error(`${field} must be a valid X509 certificate (bundle) in PEM format`);
  }
}

// A key that no recovery share can be encrypted to would keep every later proposal about members from passing.
function checkRsaPublicKey(value, field) {
  checkType(value, "string", field);
  try {
    ccf.crypto.pubRsaPemToJwk(value);
  } catch {
    throw new Error(`${field} must be an RSA public key in PEM format`);
  }
}

function checkJwks(value, field) {
  checkType(value, "object", field);
  checkType(value.keys, "array", `${field}.keys`);
  value.keys.forEach((key, i) => checkJwk(key, `${field}.keys[${i}]`));
}

function checkJwk(key, field) {
  const checkTexts = (...names) => names.forEach((name) => checkType(key[name], "string", `${field}.${name}`));
  checkTexts("kid", "kty");
  if (key.x5c) {
    checkType(key.x5c, "array", `${field}.x5c`);
    checkLength(key.x5c, 1, null, `${field}.x5c`);
    key.x5c.forEach((der, i) => {
      checkType(der, "string", `${field}.x5c[${i}]`);
      const pem = `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----`;
      checkX509CertBundle(pem, `${field}.x5c[${i}]`);
    });
  } else if (key.n && key.e) {
    checkTexts("n", "e");
  } else if (key.x && key.y) {
    checkTexts("x", "y", "crv");
  } else {
    throw new Error("JWK must contain either x5c, or n/e for RSA key type, or x/y/crv for EC key type");
  }
}

// An object with these members and no others: a misspelt rule would be no rule.
function checkFields(value, types, field) {
  checkType(value, "object", field);
  if (value === null || Array.isArray(value)) throw new Error(`${field} must be an object`);
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(types, name)) throw new Error(`${field} has no member ${name}`);
  }
  for (const [name, check] of Object.entries(types)) {
    const inner = `${field}.${name}`;
    if (typeof check === "string") checkType(value[name], check, inner);
    else if (!isAbsent(value[name])) check(value[name], inner);
  }
}

const checkEach = (check) => (value, field) => {
  checkType(value, "array", field);
  value.forEach((each, i) => check(each, `${field}[${i}]`));
};
const checkEachMember = (checkKey, check) => (value, field) => {
  checkFields(value, Object.fromEntries(Object.keys(value ?? {}).map((name) => [name, check])), field);
  Object.keys(value).forEach((name) => checkKey(name, `${field} member`));
};
const checkOneOf = (allowed) => (value, field) => checkEnum(value, allowed, field);
const checkCount = (value, field) => {
  checkType(value, "integer", field);
  checkBounds(value, 0, null, field);
};
const checkDigests = checkEach((value, field) => checkLowerHex(value, null, field));
const checkTexts = checkEach((value, field) => checkType(value, "string", field));

function checkValidity(args) {
  checkType(args.valid_from, "string", "valid_from");
  if (args.validity_period_days !== undefined) {
    checkType(args.validity_period_days, "integer", "validity_period_days");
    checkBounds(args.validity_period_days, 1, null, "validity_period_days");
  }
}

function checkName(value, field) {
  checkType(value, "string", field);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) {
    throw new Error(`${field} must be letters, digits, dots, dashes and underscores, at most 64`);
  }
}

function checkNames(values, field) {
  checkType(values, "array", field);
  values.forEach((value, i) => checkName(value, `${field}[${i}]`));
}

// Who may read: party:NAME, role:NAME, user:ID, everybody.
function checkReader(value, field) {
  checkType(value, "string", field);
  if (!/^(everybody|(party|role):[A-Za-z0-9][A-Za-z0-9._-]{0,63}|user:.{1,512})$/.test(value)) {
    throw new Error(`${field} must be party:NAME, role:NAME, user:ID or everybody`);
  }
}

function checkReaders(values, field) {
  checkType(values, "array", field);
  checkLength(values, 1, 32, field);
  values.forEach((value, i) => value === "caller" || checkReader(value, `${field}[${i}]`));
}

// The things that can be said of an endpoint's private side.
// What is misspelt would be left out in silence, and with it a bound that members believe in.
function checkKnown(value, known, field) {
  const stranger = Object.keys(value).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`${field} has an unknown field ${stranger}: known are ${known.join(", ")}`);
}

function checkAccessRule(rule, field) {
  checkType(rule, "object", field);
  checkKnown(rule, ["audience", "within", "reads", "home", "lend"], field);
  if (rule.audience !== undefined) checkReaders(rule.audience, `${field}.audience`);
  if (rule.within !== undefined) checkReaders(rule.within, `${field}.within`);
  if (rule.reads !== undefined) {
    checkType(rule.reads, "array", `${field}.reads`);
    rule.reads.forEach((map, i) => checkType(map, "string", `${field}.reads[${i}]`));
  }
  if (rule.home !== undefined && rule.home !== "everywhere" && rule.home !== "parties") {
    throw new Error(`${field}.home must be "everywhere" or "parties"`);
  }
  checkType(rule.lend, "boolean?", `${field}.lend`);
}

function checkTime(value, field) {
  checkType(value, "string", field);
  // Without its zone, each node would take it for its own.
  const isWhole = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(value);
  if (!isWhole || Number.isNaN(Date.parse(value))) {
    throw new Error(`${field} must be a time with its zone, as 2026-03-31T12:00:00Z`);
  }
}

function checkAudienceId(value, field) {
  checkHex(value, 32, field);
}

// ---------------------------------------------------------------------------------------------------------
// Effects that several actions share.

// For an action that changes what other open proposals mean: members voted on something else.
function invalidateOtherOpenProposals(proposalIdToRetain) {
  for (const [id, info] of proposalsInfo.entries()) {
    if (id !== proposalIdToRetain && info.state === "Open") {
      proposalsInfo.set(id, { ...info, state: "Dropped" });
    }
  }
}

function getActiveRecoveryMembersCount() {
  const active = ([id]) => {
    const info = members.info.get(id);
    if (info === undefined) throw new Error(`Recovery member ${id} has no information`);
    return info.status === "Active";
  };
  return members.encryptionKeys.entries().filter(active).length;
}

function setUserData(userId, userData) {
  if (isAbsent(userData)) users.info.delete(userId);
  else users.info.set(userId, { user_data: userData });
}

function requireNode(nodeId) {
  const node = nodes.info.get(nodeId);
  if (node === undefined) throw new Error(`No such node: ${nodeId}`);
  return node;
}

// Days of validity as asked for, or as many as the service allows.
function allowedDays(askedDays, maximumSetting) {
  const maximum = service.config.require()[maximumSetting] ?? CERTIFICATE_VALIDITY_DAYS;
  if (askedDays !== undefined && askedDays > maximum) {
    throw new Error(
      `Validity period ${askedDays} (days) is not allowed: service max allowed is ${maximum} (days)`,
    );
  }
  return askedDays ?? maximum;
}

function endorseNode(nodeId, node, args) {
  if (node.certificate_signing_request === undefined) {
    throw new Error(`Node ${nodeId} has no certificate signing request`);
  }
  const days = allowedDays(args.validity_period_days, "maximum_node_certificate_validity_days");
  const certificate = ccf.network.generateEndorsedCertificate(
    node.certificate_signing_request,
    args.valid_from,
    days,
  );
  nodes.endorsedCertificates.set(nodeId, certificate);
}

function checkThresholdChange(threshold) {
  const { status } = service.info.require();
  if (status === "WaitingForRecoveryShares") {
    throw new Error(`Cannot set recovery threshold if service is ${status}`);
  }
  const holders = getActiveRecoveryMembersCount();
  if (status === "Open" && threshold > holders) {
    throw new Error(
      `Cannot set recovery threshold to ${threshold}: recovery threshold would be greater than the number of recovery members ${holders}`,
    );
  }
}

function updateServiceConfig(changes) {
  const config = service.config.require();
  const { reconfiguration_type: from } = config;
  const { reconfiguration_type: to, recovery_threshold: threshold } = changes;
  const reshare = !isAbsent(threshold) && threshold !== config.recovery_threshold;

  const typeChanges = !isAbsent(to) && to !== from;
  if (typeChanges && !((from ?? "OneTransaction") === "OneTransaction" && to === "TwoTransaction")) {
    throw new Error(`Cannot change reconfiguration type from ${from} to ${to}.`);
  }
  if (reshare) checkThresholdChange(threshold);

  const given = Object.entries(changes).filter(([, value]) => !isAbsent(value));
  service.config.set({ ...config, ...Object.fromEntries(given) });
  if (reshare) ccf.node.triggerRecoverySharesRefresh();
}

// An endpoint of a bundle, before it is stored under `VERB /path`.
function checkEndpoint(info, field, moduleNames) {
  const checkOptional = (name, type) => checkType(info[name], type, `${field}.${name}`);
  checkType(info, "object", field);
  checkType(info.js_module, "string", `${field}.js_module`);
  checkType(info.js_function, "string", `${field}.js_function`);
  checkEnum(info.mode, ["readwrite", "readonly", "historical"], `${field}.mode`);
  checkEnum(info.forwarding_required, ["sometimes", "always", "never"], `${field}.forwarding_required`);
  if (info.redirection_strategy !== undefined) {
    const strategies = ["none", "to_primary", "to_backup"];
    checkEnum(info.redirection_strategy, strategies, `${field}.redirection_strategy`);
  }
  checkOptional("openapi", "object?");
  checkOptional("openapi_hidden", "boolean?");
  checkType(info.authn_policies, "array", `${field}.authn_policies`);
  info.authn_policies.forEach((policy, i) => checkPolicy(policy, `${field}.authn_policies[${i}]`));
  if (info.access !== undefined) checkAccessRule(info.access, `${field}.access`);
  if (!moduleNames.has(info.js_module)) throw new Error(`module '${info.js_module}' not found in bundle`);
}

// A policy nobody knows is only noticed when the endpoint is called.
function checkPolicy(policy, field) {
  if (typeof policy === "string") return;
  if (typeof policy !== "object" || policy === null) {
    throw new Error(`${field} must be of type string or object but is ${typeof policy}`);
  }
  checkType(policy.all_of, "array", `${field}.all_of`);
  policy.all_of.forEach((each, i) => checkType(each, "string", `${field}.all_of[${i}]`));
}

function checkBundle(bundle) {
  checkType(bundle, "object", "bundle");
  checkType(bundle.modules, "array", "bundle.modules");
  bundle.modules.forEach((module, i) => {
    checkType(module, "object", `bundle.modules[${i}]`);
    checkType(module.name, "string", `bundle.modules[${i}].name`);
    checkType(module.module, "string", `bundle.modules[${i}].module`);
  });
  checkType(bundle.metadata, "object", "bundle.metadata");
  checkType(bundle.metadata.endpoints, "object", "bundle.metadata.endpoints");
  const moduleNames = new Set(bundle.modules.map((module) => module.name));
  for (const [path, methods] of Object.entries(bundle.metadata.endpoints)) {
    checkType(methods, "object", `bundle.metadata.endpoints["${path}"]`);
    for (const [method, info] of Object.entries(methods)) {
      checkEndpoint(info, `bundle.metadata.endpoints["${path}"]["${method}"]`, moduleNames);
    }
  }
  checkType(bundle.metadata.indexes, "object?", "bundle.metadata.indexes");
  for (const [name, index] of Object.entries(bundle.metadata.indexes ?? {})) {
    checkIndex(index, `bundle.metadata.indexes["${name}"]`, moduleNames);
  }
  checkType(bundle.metadata.compensations, "array?", "bundle.metadata.compensations");
  (bundle.metadata.compensations ?? []).forEach((compensation, i) => {
    checkCompensation(compensation, `bundle.metadata.compensations[${i}]`, moduleNames);
  });
}

// Functions that `undo_transactions` may name with policy compensate; CCF has none.
function checkCompensation(compensation, field, moduleNames) {
  checkType(compensation, "object", field);
  checkType(compensation.js_module, "string", `${field}.js_module`);
  checkType(compensation.js_function, "string", `${field}.js_function`);
  if (!moduleNames.has(compensation.js_module)) {
    throw new Error(`module '${compensation.js_module}' not found in bundle`);
  }
}

// Indexes are built by each node; CCF has none.
function checkIndex(index, field, moduleNames) {
  checkType(index, "object", field);
  checkEnum(index.kind, ["rows", "history"], `${field}.kind`);
  checkType(index.map, "string", `${field}.map`);
  if (index.kind === "history") return;
  checkType(index.js_module, "string", `${field}.js_module`);
  checkType(index.js_function, "string", `${field}.js_function`);
  if (!moduleNames.has(index.js_module)) throw new Error(`module '${index.js_module}' not found in bundle`);
}

function checkPauseFields(args, known) {
  checkKnown(args ?? {}, known, "args");
  checkEndpointNames(args?.endpoints);
}

function checkEndpointNames(names) {
  checkType(names, "array?", "endpoints");
  if (names?.length === 0) throw new Error("endpoints must name at least one; without it all are meant");
  (names ?? []).forEach((name, i) => {
    checkType(name, "string", `endpoints[${i}]`);
    if (!/^[A-Z]+ \/\S*$/.test(name)) throw new Error(`endpoints[${i}] must be a method and a path, as POST /orders`);
  });
}

function checkIssuerUrl(issuer) {
  const url = /^([^:/?#]+):\/\/[^/?#]*[^?#]*(\?[^#]*)?(#.*)?$/.exec(issuer);
  if (url?.[1] !== "https") {
    throw new Error("issuer must be a URL starting with https:// if auto_refresh is true");
  }
  if (url[2] || url[3]) {
    throw new Error("issuer must be a URL without query/fragment if auto_refresh is true");
  }
}

function hexOf(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---------------------------------------------------------------------------------------------------------
// The actions. `validate(args)` throws when the arguments make no sense whatever the state of the service;
// `apply(args, proposalId)` carries the action out, or throws and nothing of the whole proposal happens.

class Action {
  constructor(validate, apply) {
    this.validate = validate;
    this.apply = apply;
  }
}

const membersAndUsers = {
  set_member: new Action(
    (args) => {
      checkX509CertBundle(args.cert, "cert");
      if (!isAbsent(args.encryption_pub_key)) checkRsaPublicKey(args.encryption_pub_key, "encryption_pub_key");
      checkType(args.member_data, "object?", "member_data");
      if (isAbsent(args.recovery_role)) return;
      checkEnum(args.recovery_role, ["NonParticipant", "Participant", "Owner"], "recovery_role");
      if (isAbsent(args.encryption_pub_key)) {
        throw new Error("Cannot specify a recovery_role value when encryption_pub_key is not specified");
      }
    },
    (args) => {
      const id = ccf.pemToId(args.cert);
      members.certs.set(id, args.cert);
      if (isAbsent(args.encryption_pub_key)) members.encryptionKeys.delete(id);
      else members.encryptionKeys.set(id, args.encryption_pub_key);
      const { member_data, recovery_role } = args;
      members.info.set(id, { member_data, recovery_role, status: "Accepted" });
      // The member counts once it has acknowledged the state it joins.
      members.acks.set(id, { state_digest: latestSignature.get()?.root ?? "" });
    },
  ),

  remove_member: new Action(
    (args) => checkEntityId(args.member_id, "member_id"),
    ({ member_id: id }) => {
      const info = members.info.get(id);
      if (info === undefined) return;
      const isHolder = info.status === "Active" && members.encryptionKeys.has(id);
      if (isHolder) {
        const left = getActiveRecoveryMembersCount() - 1;
        const threshold = service.config.require().recovery_threshold;
        if (left < threshold) {
          throw new Error(
            `Number of active recovery members (${left}) would be less than recovery threshold (${threshold})`,
          );
        }
      }
      for (const each of Object.values(members)) each.delete(id);
      // What it held of the old key opens nothing that is written from now on.
      if (isHolder) ccf.node.triggerLedgerRekey();
    },
  ),

  set_member_data: new Action(
    (args) => {
      checkEntityId(args.member_id, "member_id");
      checkType(args.member_data, "object", "member_data");
    },
    ({ member_id: id, member_data }) => {
      const info = members.info.get(id);
      if (info === undefined) throw new Error(`Member ${id} does not exist`);
      members.info.set(id, { ...info, member_data });
    },
  ),

  set_user: new Action(
    (args) => {
      checkX509CertBundle(args.cert, "cert");
      checkType(args.user_data, "object?", "user_data");
    },
    (args) => {
      const id = ccf.pemToId(args.cert);
      users.certs.set(id, args.cert);
      setUserData(id, args.user_data);
    },
  ),

  remove_user: new Action(
    (args) => checkEntityId(args.user_id, "user_id"),
    ({ user_id: id }) => {
      users.certs.delete(id);
      users.info.delete(id);
    },
  ),

  set_user_data: new Action(
    (args) => {
      checkEntityId(args.user_id, "user_id");
      checkType(args.user_data, "object?", "user_data");
    },
    (args) => setUserData(args.user_id, args.user_data),
  ),
};

const serviceAndLedger = {
  set_constitution: new Action(
    (args) => {
      checkType(args.constitution, "string", "constitution");
      // Refuses what does not parse, lacks a function, or would accept nothing ever again.
      ccf.gov.validateConstitution(args.constitution);
    },
    (args, proposalId) => {
      service.constitution.set(args.constitution);
      invalidateOtherOpenProposals(proposalId);
    },
  ),

  set_recovery_threshold: new Action(
    (args) => {
      checkType(args.recovery_threshold, "integer", "threshold");
      checkBounds(args.recovery_threshold, 1, 254, "threshold");
    },
    ({ recovery_threshold }) => updateServiceConfig({ recovery_threshold }),
  ),

  set_service_configuration: new Action((args) => {
    const settable = ["reconfiguration_type", "recovery_threshold", "recent_cose_proposals_window_size"];
    for (const key of Object.keys(args)) {
      if (!settable.includes(key)) throw new Error(`Cannot change ${key} via set_service_configuration.`);
    }
    checkType(args.reconfiguration_type, "string?", "reconfiguration type");
    const checkNumber = (value, high, field) => {
      checkType(value, "integer?", field);
      if (!isAbsent(value)) checkBounds(value, 1, high, field);
    };
    checkNumber(args.recovery_threshold, 254, "recovery threshold");
    checkNumber(args.recent_cose_proposals_window_size, 10000, "recent cose proposals window size");
  }, updateServiceConfig),

  trigger_recovery_shares_refresh: new Action(checkNone, () => ccf.node.triggerRecoverySharesRefresh()),

  trigger_ledger_rekey: new Action(checkNone, () => ccf.node.triggerLedgerRekey()),

  trigger_ledger_chunk: new Action(
    () => {},
    () => ccf.node.triggerLedgerChunk(),
  ),

  trigger_snapshot: new Action(
    () => {},
    () => ccf.node.triggerSnapshot(),
  ),

  transition_service_to_open: new Action(
    (args) => {
      const { next_service_identity: next, previous_service_identity: previous } = args;
      checkType(next, "string", "next service identity (PEM certificate)");
      checkX509CertBundle(next, "next_service_identity");
      checkType(previous, "string?", "previous service identity (PEM certificate)");
      if (!isAbsent(previous)) checkX509CertBundle(previous, "previous_service_identity");
    },
    ({ next_service_identity: next, previous_service_identity: previous }) => {
      if (service.info.require().status === "Recovering" && isAbsent(previous)) {
        throw new Error(
          "Opening a recovering network requires both, the previous and the next service identity",
        );
      }
      const lost = isAbsent(previous) ? undefined : ccf.strToBuf(previous);
      ccf.node.transitionServiceToOpen(lost, ccf.strToBuf(next));
    },
  ),

  // Does nothing: put first in a proposal, it keeps the rest from being accepted by the wrong service.
  assert_service_identity: new Action(
    (args) => {
      checkType(args.service_identity, "string", "service_identity");
      const { cert } = service.info.require();
      if (args.service_identity !== cert) {
        throw new Error("service_identity does not match the identity of this service");
      }
    },
    () => {},
  ),

  set_service_certificate_validity: new Action(checkValidity, (args) => {
    const days = allowedDays(args.validity_period_days, "maximum_service_certificate_validity_days");
    const cert = ccf.network.generateNetworkCertificate(args.valid_from, days);
    service.info.set({ ...service.info.require(), cert });
  }),
};

function setIndexes(declared) {
  for (const [name] of app.indexes.entries()) if (!Object.hasOwn(declared, name)) app.indexes.delete(name);
  for (const [name, index] of Object.entries(declared)) {
    app.indexes.set(name, index.kind === "history" ? index : { ...index, js_module: `/${index.js_module}` });
  }
}

const application = {
  set_js_app: new Action(
    (args) => {
      checkBundle(args.bundle);
      checkType(args.disable_bytecode_cache, "boolean?", "disable_bytecode_cache");
    },
    ({ bundle, disable_bytecode_cache: withoutCache }) => {
      app.modules.clear();
      app.endpoints.clear();
      app.compensations.clear();
      for (const { name, module } of bundle.modules) app.modules.set(`/${name}`, module);
      if (withoutCache) {
        app.bytecode.clear();
        app.bytecodeVersion.clear();
      } else {
        ccf.refreshAppBytecodeCache();
      }
      app.flush.set(true);
      for (const [path, methods] of Object.entries(bundle.metadata.endpoints)) {
        for (const [method, info] of Object.entries(methods)) {
          app.endpoints.set(`${method.toUpperCase()} ${path}`, { ...info, js_module: `/${info.js_module}` });
        }
      }
      setIndexes(bundle.metadata.indexes ?? {});
      for (const { js_module, js_function } of bundle.metadata.compensations ?? []) {
        app.compensations.set(`/${js_module}:${js_function}`, { js_module: `/${js_module}`, js_function });
      }
    },
  ),

  remove_js_app: new Action(
    () => {},
    () => {
      const { modules, endpoints, indexes, compensations, bytecode, bytecodeVersion, flush } = app;
      [modules, endpoints, indexes, compensations, bytecode, bytecodeVersion, flush].forEach((each) => each.clear());
    },
  ),

  set_js_runtime_options: new Action(
    (args) => {
      for (const field of ["max_heap_bytes", "max_stack_bytes", "max_execution_time_ms"]) {
        checkType(args[field], "integer", field);
      }
      checkType(args.log_exception_details, "boolean?", "log_exception_details");
      checkType(args.return_exception_details, "boolean?", "return_exception_details");
      checkType(args.max_cached_interpreters, "integer?", "max_cached_interpreters");
      checkType(args.record_reads, "boolean?", "record_reads");
    },
    (args) => app.runtimeOptions.set(args),
  ),

  // Reads go on; what `endpoints` names (`POST /orders`), or all of the app, takes no writes until resumed.
  pause_app: new Action(
    (args) => {
      checkPauseFields(args, ["endpoints", "reason"]);
      // A misspelt one would let the writes go on that members believe paused.
      (args?.endpoints ?? []).forEach((name, i) => {
        if (!app.endpoints.has(name)) throw new Error(`endpoints[${i}] is no endpoint of the application: ${name}`);
      });
      checkType(args?.reason, "string?", "reason");
    },
    (args) => {
      const pause = isAbsent(args?.reason) ? {} : { reason: args.reason };
      for (const name of args?.endpoints ?? ["*"]) app.paused.set(name, pause);
    },
  ),

  // Of an application that is paused as a whole, the endpoints that are not named stay paused, one by one.
  resume_app: new Action(
    (args) => {
      checkPauseFields(args, ["endpoints"]);
      (args?.endpoints ?? []).forEach((name, i) => {
        if (!app.paused.has(name) && !app.endpoints.has(name)) {
          throw new Error(`endpoints[${i}] is no endpoint of the application: ${name}`);
        }
      });
    },
    (args) => {
      if (isAbsent(args?.endpoints)) {
        app.paused.clear();
        return;
      }
      const pause = app.paused.get("*");
      if (pause !== undefined) {
        app.paused.delete("*");
        for (const [name] of app.endpoints.entries()) {
          if (!app.paused.has(name)) app.paused.set(name, pause);
        }
      }
      args.endpoints.forEach((name) => app.paused.delete(name));
    },
  ),

  set_contract_log: new Action(
    (args) => {
      checkType(args.readers, "array", "readers");
      args.readers.forEach((policy, i) => checkPolicy(policy, `readers[${i}]`));
      checkType(args.every_call, "boolean?", "every_call");
    },
    ({ readers, every_call }) => app.log.set({ readers, every_call: every_call === true }),
  ),

  refresh_js_app_bytecode_cache: new Action(
    () => {},
    () => ccf.refreshAppBytecodeCache(),
  ),
};

const privateTransactions = {
  set_party: new Action(
    (args) => {
      checkName(args.party, "party");
      // Code that names readers may leave out the `party:` of a party.
      if (["caller", "everybody"].includes(args.party)) {
        throw new Error("party must not be caller or everybody, which rules mean otherwise");
      }
      checkType(args.party_data, "object?", "party_data");
    },
    ({ party, party_data }) => access.parties.set(party, isAbsent(party_data) ? {} : { party_data }),
  ),

  remove_party: new Action(
    (args) => checkName(args.party, "party"),
    ({ party }) => {
      for (const [id, user] of access.users.entries()) {
        if (user.party === party) access.users.delete(id);
      }
      for (const [id, node] of access.nodes.entries()) {
        if (node.party === party) access.nodes.delete(id);
      }
      access.parties.delete(party);
    },
  ),

  set_node_party: new Action(
    (args) => {
      checkEntityId(args.node_id, "node_id");
      if (!isAbsent(args.party)) checkName(args.party, "party");
    },
    ({ node_id: id, party }) => {
      if (isAbsent(party)) return access.nodes.delete(id);
      if (!access.parties.has(party)) throw new Error(`No such party: ${party}`);
      requireNode(id);
      access.nodes.set(id, { party });
    },
  ),

  set_access_user: new Action(
    (args) => {
      checkType(args.user_id, "string", "user_id");
      if (!isAbsent(args.party)) checkName(args.party, "party");
      if (!isAbsent(args.roles)) checkNames(args.roles, "roles");
    },
    ({ user_id: id, party, roles }) => {
      if (!isAbsent(party) && !access.parties.has(party)) throw new Error(`No such party: ${party}`);
      access.users.set(id, {
        ...(isAbsent(party) ? {} : { party }),
        ...(isAbsent(roles) ? {} : { roles }),
      });
    },
  ),

  remove_access_user: new Action(
    (args) => checkType(args.user_id, "string", "user_id"),
    (args) => access.users.delete(args.user_id),
  ),

  set_access_rule: new Action(
    (args) => {
      checkType(args.about, "string", "about");
      if (args.about !== "app" && !/^endpoint [A-Z]+ \//.test(args.about)) {
        throw new Error('about must be "app" or "endpoint METHOD /path"');
      }
      checkAccessRule(args.rule, "rule");
    },
    ({ about, rule }) => access.rules.set(about, rule),
  ),

  remove_access_rule: new Action(
    (args) => checkType(args.about, "string", "about"),
    (args) => access.rules.delete(args.about),
  ),

  set_access_settings: new Action(
    (args) => {
      checkType(args.opaque_ids, "boolean?", "opaque_ids");
      checkType(args.cover_ms, "integer?", "cover_ms");
      if (!isAbsent(args.cover_ms)) checkBounds(args.cover_ms, 50, 60000, "cover_ms");
    },
    ({ opaque_ids, cover_ms }) =>
      access.settings.set({
        opaque_ids: opaque_ids === true,
        ...(isAbsent(cover_ms) ? {} : { cover_ms }),
      }),
  ),

  set_access_grant: new Action(
    (args) => {
      checkKnown(args, ["grant", "to", "from", "until", "expires", "reader", "endpoint", "purpose"], "args");
      checkName(args.grant, "grant");
      checkReader(args.to, "to");
      for (const field of ["from", "until", "expires"]) checkTime(args[field], field);
      if (Date.parse(args.from) >= Date.parse(args.until)) throw new Error("from must be before until");
      if (!isAbsent(args.reader)) checkReader(args.reader, "reader");
      checkType(args.endpoint, "string?", "endpoint");
      checkType(args.purpose, "string", "purpose");
    },
    ({ grant, to, from, until, expires, reader, endpoint, purpose }) =>
      access.grants.set(grant, {
        ...{ to, from, until, expires, purpose },
        ...(isAbsent(reader) ? {} : { reader }),
        ...(isAbsent(endpoint) ? {} : { endpoint }),
      }),
  ),

  remove_access_grant: new Action(
    (args) => checkName(args.grant, "grant"),
    (args) => access.grants.delete(args.grant),
  ),

  change_audience: new Action(
    (args) => {
      checkAudienceId(args.audience, "audience");
      for (const field of ["add", "remove"]) {
        if (isAbsent(args[field])) continue;
        checkType(args[field], "array", field);
        args[field].forEach((reader, i) => checkReader(reader, `${field}[${i}]`));
      }
      for (const field of ["with_past", "lend"]) checkType(args[field], "boolean?", field);
    },
    ({ audience, add = [], remove = [], with_past = false, lend }) => {
      const lending = isAbsent(lend) ? {} : { lend };
      ccf.access.changeAudience(audience, { add, remove, withPast: with_past, ...lending });
      access.audiences.set(audience, { decision: "changed", add, remove, with_past, ...lending });
    },
  ),

  shred_audience: new Action(
    (args) => checkAudienceId(args.audience, "audience"),
    ({ audience }) => {
      ccf.access.shredAudience(audience);
      access.audiences.set(audience, { decision: "shredded" });
    },
  ),
};

const history = {
  // `plan` is the digest of the preview that the members have read: what is done is exactly that, or nothing.
  // `previewed_at` helps to say what has come in between.
  undo_transactions: new Action(
    (args) => {
      checkType(args, "object", "args");
      checkLowerHex(args.plan, 64, "plan");
      checkType(args.previewed_at, "string?", "previewed_at");
      checkType(args.reason, "string?", "reason");
      ccf.undo.confirm(args);
    },
    (args, proposalId) => ccf.undo.apply(args, proposalId),
  ),
};

const certificatesAndTokens = {
  set_ca_cert_bundle: new Action(
    (args) => {
      checkType(args.name, "string", "name");
      checkX509CertBundle(args.cert_bundle, "cert_bundle");
    },
    (args) => caCertBundles.set(args.name, args.cert_bundle),
  ),

  remove_ca_cert_bundle: new Action(
    (args) => checkType(args.name, "string", "name"),
    (args) => caCertBundles.delete(args.name),
  ),

  set_jwt_issuer: new Action(
    (args) => {
      checkType(args.issuer, "string", "issuer");
      checkType(args.auto_refresh, "boolean?", "auto_refresh");
      checkType(args.ca_cert_bundle_name, "string?", "ca_cert_bundle_name");
      checkType(args.jwks, "object?", "jwks");
      if (args.jwks) checkJwks(args.jwks, "jwks");
      if (!args.auto_refresh) return;
      if (!args.ca_cert_bundle_name) {
        throw new Error("ca_cert_bundle_name is missing but required if auto_refresh is true");
      }
      checkIssuerUrl(args.issuer);
    },
    ({ jwks, ...metadata }) => {
      const { issuer, ca_cert_bundle_name: bundle } = metadata;
      if (metadata.auto_refresh && !caCertBundles.has(bundle)) {
        throw new Error(`No CA cert bundle found with name '${bundle}'`);
      }
      if (jwks) ccf.setJwtPublicSigningKeys(issuer, metadata, jwks);
      jwtIssuers.set(issuer, metadata);
    },
  ),

  set_jwt_public_signing_keys: new Action(
    (args) => {
      checkType(args.issuer, "string", "issuer");
      checkJwks(args.jwks, "jwks");
    },
    ({ issuer, jwks }) => {
      const metadata = jwtIssuers.get(issuer);
      if (metadata === undefined) throw new Error(`issuer ${issuer} not found`);
      ccf.setJwtPublicSigningKeys(issuer, metadata, jwks);
    },
  ),

  remove_jwt_issuer: new Action(
    (args) => checkType(args.issuer, "string", "issuer"),
    ({ issuer }) => {
      if (!jwtIssuers.has(issuer)) return;
      jwtIssuers.delete(issuer);
      ccf.removeJwtPublicSigningKeys(issuer);
    },
  ),
};

const nodesOfTheService = {
  transition_node_to_trusted: new Action(
    (args) => {
      checkEntityId(args.node_id, "node_id");
      checkValidity(args);
      if (!isAbsent(args.party)) checkName(args.party, "party");
    },
    (args) => {
      const { node_id: id, party } = args;
      const node = requireNode(id);
      if (!isAbsent(party) && !access.parties.has(party)) throw new Error(`No such party: ${party}`);
      if (!isAbsent(party)) access.nodes.set(id, { party });
      if (node.status !== "Pending") return;
      const ledger_secret_seqno = ccf.network.getLatestLedgerSecretSeqno();
      nodes.info.set(id, { ...node, status: "Trusted", ledger_secret_seqno });
      if (node.certificate_signing_request !== undefined) endorseNode(id, node, args);
    },
  ),

  remove_node: new Action(
    (args) => checkEntityId(args.node_id, "node_id"),
    ({ node_id: id }) => {
      const node = nodes.info.get(id);
      if (node === undefined) return;
      if (node.status === "Pending") nodes.info.delete(id);
      else nodes.info.set(id, { ...node, status: "Retired" });
    },
  ),

  set_node_data: new Action(
    (args) => checkEntityId(args.node_id, "node_id"),
    ({ node_id: id, node_data }) => {
      const node = nodes.info.get(id);
      if (node === undefined) throw new Error(`Node ${id} does not exist`);
      nodes.info.set(id, { ...node, node_data });
    },
  ),

  set_node_certificate_validity: new Action(
    (args) => {
      checkEntityId(args.node_id, "node_id");
      checkValidity(args);
    },
    (args) => {
      const node = requireNode(args.node_id);
      if (node.status !== "Trusted") throw new Error(`Node ${args.node_id} is not trusted`);
      endorseNode(args.node_id, node, args);
    },
  ),

  set_all_nodes_certificate_validity: new Action(checkValidity, (args) => {
    for (const [id, node] of nodes.info.entries()) {
      if (node.status === "Trusted") endorseNode(id, node, args);
    }
  }),
};

// Whoever may join changes: other proposals were voted on under another policy.
const admitting = (validate, apply) =>
  new Action(validate, (args, proposalId) => {
    apply(args);
    invalidateOtherOpenProposals(proposalId);
  });

const checkCpuid = (args) => checkLowerHex(args.cpuid, 8, "cpuid");

const joinPolicy = {
  add_node_code: admitting(
    (args) => checkType(args.code_id, "string", "code_id"),
    (args) => nodes.codeIds.set(args.code_id, ALLOWED_TO_JOIN),
  ),

  remove_node_code: new Action(
    (args) => checkType(args.code_id, "string", "code_id"),
    (args) => nodes.codeIds.delete(args.code_id),
  ),

  add_snp_measurement: admitting(
    (args) => checkType(args.measurement, "string", "measurement"),
    (args) => snp.measurements.set(args.measurement, ALLOWED_TO_JOIN),
  ),

  remove_snp_measurement: new Action(
    (args) => checkType(args.measurement, "string", "measurement"),
    (args) => snp.measurements.delete(args.measurement),
  ),

  add_snp_host_data: admitting(
    (args) => {
      checkType(args.security_policy, "string", "security_policy");
      checkHex(args.host_data, null, "host_data");
      if (args.security_policy === "") return;
      const digest = hexOf(ccf.crypto.digest("SHA-256", ccf.strToBuf(args.security_policy)));
      if (digest !== args.host_data.toLowerCase()) {
        throw new Error(`The hash of raw policy ${digest} does not match digest ${args.host_data}`);
      }
    },
    (args) => snp.hostData.set(args.host_data, args.security_policy),
  ),

  remove_snp_host_data: new Action(
    (args) => checkType(args.host_data, "string", "host_data"),
    (args) => snp.hostData.delete(args.host_data),
  ),

  add_snp_uvm_endorsement: admitting(
    (args) => ["did", "feed", "svn"].forEach((field) => checkType(args[field], "string", field)),
    ({ did, feed, svn }) =>
      snp.uvmEndorsements.set(did, { ...snp.uvmEndorsements.get(did), [feed]: { svn } }),
  ),

  remove_snp_uvm_endorsement: new Action(
    (args) => ["did", "feed"].forEach((field) => checkType(args[field], "string", field)),
    ({ did, feed }) => {
      const { [feed]: _removed, ...rest } = snp.uvmEndorsements.get(did) ?? {};
      if (Object.keys(rest).length === 0) snp.uvmEndorsements.delete(did);
      else snp.uvmEndorsements.set(did, rest);
    },
  ),

  set_snp_minimum_tcb_version: admitting(
    (args) => {
      checkCpuid(args);
      checkType(args.tcb_version, "object", "tcb_version");
      for (const part of ["boot_loader", "tee", "snp", "microcode"]) {
        checkType(args.tcb_version?.[part], "number", `tcb_version.${part}`);
      }
    },
    (args) => snp.tcbVersions.set(args.cpuid, args.tcb_version),
  ),

  set_snp_minimum_tcb_version_hex: admitting(
    (args) => {
      checkCpuid(args);
      checkLowerHex(args.tcb_version, 16, "tcb_version");
    },
    (args) => snp.tcbVersions.set(args.cpuid, ccf.tcbHexToPolicy(args.cpuid, args.tcb_version)),
  ),

  remove_snp_minimum_tcb_version: new Action(checkCpuid, ({ cpuid }) => {
    if (!snp.tcbVersions.has(cpuid)) throw new Error("CPUID not found");
    snp.tcbVersions.delete(cpuid);
  }),
};

// What nodes must show, by platform. SNP and virtual nodes are held to the tables above as well.
const PLATFORMS = ["snp", "tdx", "sgx", "tpm", "azure-vm", "nitro", "virtual"];
const ASSURANCES = ["processor", "cloud", "boot", "none"];
const AMD_PRODUCTS = ["Milan", "Genoa", "Turin"];

const checkFloor = (value, field) =>
  checkFields(
    value,
    { fmc: checkCount, bootLoader: checkCount, tee: checkCount, snp: checkCount, microcode: checkCount },
    field,
  );
const checkRegister = (name, field) => {
  if (!/^([0-9]|[12][0-9]|3[01])$/.test(name)) throw new Error(`${field} ${name} is no register`);
};
const checkRegisters = checkEachMember(checkRegister, checkDigests);
const checkUvmEndorser = (value, field) =>
  checkFields(value, { did: "string", feed: "string", svn: "integer" }, field);

const checkSnpRule = (value, field) =>
  checkFields(
    value,
    {
      products: checkEach(checkOneOf(AMD_PRODUCTS)),
      minReportVersion: checkCount,
      allowVlek: "boolean?",
      maxVmpl: checkCount,
      minTcb: checkEachMember(checkOneOf(AMD_PRODUCTS), checkFloor),
      minFirmware: checkEach(checkCount),
      require: checkEach(
        checkOneOf(["smt-off", "tsme", "ecc", "rapl-off", "ciphertext-hiding", "alias-check"]),
      ),
      uvmEndorsers: checkEach(checkUvmEndorser),
      requireCrl: "boolean?",
    },
    field,
  );
const checkIntelRule = (value, field) =>
  checkFields(
    value,
    {
      statuses: checkTexts,
      advisories: checkTexts,
      minTcbEvaluationDataNumber: checkCount,
      allowServiceTd: "boolean?",
      allowSeptVe: "boolean?",
      allowProvisionKey: "boolean?",
      minIsvSvn: checkCount,
      isvProdId: checkCount,
    },
    field,
  );
const checkTpmRule = (value, field) =>
  checkFields(
    value,
    {
      requiredPcrs: checkEach(checkCount),
      pcrs: checkRegisters,
      attestationKeys: checkDigests,
      authorities: checkDigests,
      requireEventLog: "boolean?",
      requireVirtualSecureMode: "boolean?",
    },
    field,
  );

const checkPlatformRule = (value, field) =>
  checkFields(
    value,
    {
      allowDebug: "boolean?",
      measurements: checkDigests,
      configurations: checkDigests,
      signers: checkTexts,
      snp: checkSnpRule,
      intel: checkIntelRule,
      tpm: checkTpmRule,
      nitro: (rule, inner) => checkFields(rule, { pcrs: checkRegisters }, inner),
    },
    field,
  );

function checkAttestationPolicy(policy) {
  checkFields(
    policy,
    {
      platforms: checkEachMember(checkOneOf(PLATFORMS), checkPlatformRule),
      machines: checkEachMember(checkEntityId, checkDigests),
      sharedMachines: "boolean?",
      roles: checkEachMember(checkOneOf(["vote", "secrets", "verify"]), checkOneOf(ASSURANCES)),
      lease: (lease, field) => {
        checkFields(lease, { seconds: "integer" }, field);
        checkBounds(lease.seconds, 60, null, `${field}.seconds`);
      },
      graceSeconds: checkCount,
    },
    "policy",
  );
  checkMachinesOnce(policy.machines ?? {});
}

// Or one machine could count for two members.
function checkMachinesOnce(machines) {
  const seen = new Map();
  for (const [member, ids] of Object.entries(machines)) {
    for (const id of ids) {
      if (seen.has(id)) throw new Error(`machine ${id} is of ${seen.get(id)} and of ${member}`);
      seen.set(id, member);
    }
  }
}

const attestation = {
  set_attestation_policy: admitting(
    (args) => checkAttestationPolicy(args.policy),
    (args) => attestationPolicy.set(args.policy),
  ),

  // The tables of CCF decide alone again: nodes of other platforms are no longer accepted.
  remove_attestation_policy: admitting(checkNone, () => attestationPolicy.clear()),

  set_platform_rule: admitting(
    (args) => {
      checkOneOf(PLATFORMS)(args.platform, "platform");
      checkPlatformRule(args.rule, "rule");
    },
    ({ platform, rule }) => {
      const policy = attestationPolicy.get() ?? {};
      attestationPolicy.set({ ...policy, platforms: { ...policy.platforms, [platform]: rule } });
    },
  ),

  remove_platform_rule: admitting(
    (args) => checkOneOf(PLATFORMS)(args.platform, "platform"),
    ({ platform }) => {
      const policy = attestationPolicy.get() ?? {};
      const { [platform]: removed, ...platforms } = policy.platforms ?? {};
      if (removed === undefined) throw new Error(`The attestation policy has no rule for ${platform}`);
      attestationPolicy.set({ ...policy, platforms });
    },
  ),

  set_member_machines: admitting(
    (args) => {
      checkEntityId(args.member_id, "member_id");
      checkDigests(args.platform_ids, "platform_ids");
    },
    ({ member_id, platform_ids }) => {
      const policy = attestationPolicy.get() ?? {};
      const machines = { ...policy.machines, [member_id]: platform_ids };
      checkMachinesOnce(machines);
      attestationPolicy.set({ ...policy, machines });
    },
  ),
};

const actions = new Map(
  [
    membersAndUsers,
    serviceAndLedger,
    application,
    privateTransactions,
    history,
    certificatesAndTokens,
    nodesOfTheService,
    joinPolicy,
    attestation,
  ].flatMap((group) => Object.entries(group)),
);
