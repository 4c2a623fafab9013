// The fields of load balancers and of what is below them, for forms; and what they are as bodies of requests.

export const protocols = ["HTTP", "TCP", "UDP", "HTTPS", "SCTP"];
export const algorithms = [
  ["ROUND_ROBIN", "round robin"], ["LEAST_CONNECTIONS", "least connections"],
  ["SOURCE_IP", "source address"], ["SOURCE_IP_PORT", "source address and port"],
];
const monitorTypes = [["", "none"], "HTTP", "TCP", "PING", "HTTPS", "TLS-HELLO", "UDP-CONNECT", "SCTP"];
const port = { type: "number", min: 1, max: 65535 };

/** What a member, a monitor and a listener are made with; the names have a prefix in forms with several of them. */
export function memberFields(member, { prefix = "", group, required = true } = {}) {
  const fields = [
    { name: `${prefix}weight`, label: "Weight", type: "number", min: 0, max: 256, value: String(member?.weight ?? 1), hint: "0 to 256; 0 drains it", group },
    { name: `${prefix}backup`, label: "backup: used when all others are down", type: "check", value: member?.backup ?? false, group },
  ];
  if (member) return [{ name: `${prefix}name`, label: "Name", value: member.name, mayBeEmpty: true, group }, ...fields];
  return [
    { name: `${prefix}address`, label: "Address", required, placeholder: "10.0.0.1", group },
    { name: `${prefix}protocol_port`, label: "Port", required, ...port, words: ["port"], group },
    { name: `${prefix}name`, label: "Name", group },
    ...fields,
  ];
}

export function monitorFields(monitor, { prefix = "", group } = {}) {
  const type = monitor
    ? []
    : [{ name: `${prefix}type`, label: "Type", type: "select", choices: monitorTypes, value: "", group }];
  return [
    ...type,
    { name: `${prefix}delay`, label: "Interval in seconds", type: "number", min: 1, max: 3600, value: String(monitor?.delay ?? 5), group },
    { name: `${prefix}timeout`, label: "Timeout in seconds", type: "number", min: 1, max: 3600, value: String(monitor?.timeout ?? 3), group },
    { name: `${prefix}max_retries`, label: "Successes until it is up", type: "number", min: 1, max: 10, value: String(monitor?.max_retries ?? 2), group },
    { name: `${prefix}max_retries_down`, label: "Failures until it is down", type: "number", min: 1, max: 10, value: String(monitor?.max_retries_down ?? 3), group },
    { name: `${prefix}url_path`, label: "Path", value: monitor?.url_path ?? "", hint: "for HTTP, / by default", group },
    { name: `${prefix}expected_codes`, label: "Expected codes", value: monitor?.expected_codes ?? "", hint: "for HTTP, 200 by default", group },
  ];
}

export function listenerFields({ prefix = "", group } = {}) {
  return [
    { name: `${prefix}protocol`, label: "Protocol", type: "select", choices: protocols, value: "HTTP", group },
    { name: `${prefix}protocol_port`, label: "Port", required: true, ...port, value: "80", words: ["port"], group },
    { name: `${prefix}name`, label: "Name", group },
    { name: `${prefix}lb_algorithm`, label: "Algorithm", type: "select", choices: algorithms, value: "ROUND_ROBIN", group },
  ];
}

/** The values of the names with a prefix, without it and without what is not set. */
export function below(values, prefix) {
  const found = Object.entries(values).filter(([name, value]) => name.startsWith(prefix) && value !== undefined && value !== "");
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** The body of a monitor; null for none. */
export function monitorBody(values) {
  const body = below(values, "");
  const isHTTP = body.type === "HTTP" || body.type === "HTTPS";
  if (!isHTTP) {
    delete body.url_path;
    delete body.expected_codes;
  }
  return body;
}

/** The protocol of the pool of a listener. */
export function poolProtocol(protocol) {
  return protocol === "TERMINATED_HTTPS" ? "HTTP" : protocol;
}
