/** One flag that says what to intercept: its readable name, and the one of istio-iptables that means the same. */
export interface Flag {
  readonly istio: string;
  readonly short?: string;
  readonly readable?: string;
  readonly value?: string;
  readonly summary: string;
}

/** A flag that istio-iptables does not have. */
export interface OwnFlag {
  readonly name: string;
  readonly value: string;
  /** The variable of istio-iptables that says the same; the flag wins over it. */
  readonly variable?: string;
  readonly summary: string;
}

// One line a flag. A flag without `value` is on or off; Istio's `--flag=false` is taken too.
export const FLAGS: readonly Flag[] = [
  {
    istio: 'istio-inbound-ports',
    short: 'b',
    readable: 'inbound-ports',
    value: 'ports',
    summary: "inbound ports to intercept: '*', or a list",
  },
  {
    istio: 'istio-local-exclude-ports',
    short: 'd',
    readable: 'exclude-inbound-ports',
    value: 'ports',
    summary: "inbound ports to leave alone, beside '*'",
  },
  {
    istio: 'istio-service-cidr',
    short: 'i',
    readable: 'outbound-cidrs',
    value: 'cidrs',
    summary: "outbound destinations to intercept: '*', or a list",
  },
  {
    istio: 'istio-service-exclude-cidr',
    short: 'x',
    readable: 'exclude-outbound-cidrs',
    value: 'cidrs',
    summary: 'outbound destinations to leave alone',
  },
  {
    istio: 'istio-outbound-ports',
    short: 'q',
    readable: 'outbound-ports',
    value: 'ports',
    summary: 'outbound ports to intercept whatever the destination',
  },
  {
    istio: 'istio-local-outbound-ports-exclude',
    short: 'o',
    readable: 'exclude-outbound-ports',
    value: 'ports',
    summary: 'outbound ports to leave alone',
  },
  {
    istio: 'istio-inbound-interception-mode',
    short: 'm',
    readable: 'mode',
    value: 'mode',
    summary: 'how inbound is caught: REDIRECT, TPROXY or NONE',
  },
  {
    istio: 'envoy-port',
    short: 'p',
    readable: 'proxy-outbound-port',
    value: 'port',
    summary: "the proxy's port for outbound connections (15001)",
  },
  {
    istio: 'inbound-capture-port',
    short: 'z',
    readable: 'proxy-inbound-port',
    value: 'port',
    summary: 'for inbound ones (15006; in istio-2018 the same as outbound)',
  },
  {
    istio: 'inbound-tunnel-port',
    short: 'e',
    readable: 'tunnel-port',
    value: 'port',
    summary: 'the tunnel port, never redirected (15008)',
  },
  {
    istio: 'proxy-uid',
    short: 'u',
    value: 'uids',
    summary: "the proxy's users, whose own traffic is left alone (1337)",
  },
  { istio: 'proxy-gid', short: 'g', value: 'gids', summary: "the proxy's groups (the same as its users)" },
  {
    istio: 'istio-exclude-interfaces',
    short: 'c',
    readable: 'exclude-interfaces',
    value: 'names',
    summary: 'interfaces to leave alone',
  },
  {
    istio: 'kube-virt-interfaces',
    short: 'k',
    readable: 'virtual-interfaces',
    value: 'names',
    summary: 'interfaces of virtual machines, whose traffic counts as outbound',
  },
  {
    istio: 'istio-inbound-tproxy-mark',
    short: 't',
    readable: 'tproxy-mark',
    value: 'mark',
    summary: 'the mark of TPROXY (1337)',
  },
  {
    istio: 'istio-inbound-tproxy-route-table',
    short: 'r',
    readable: 'tproxy-table',
    value: 'table',
    summary: 'its routing table (133)',
  },
  { istio: 'redirect-dns', readable: 'capture-dns', summary: 'catch DNS queries too' },
  { istio: 'capture-all-dns', summary: 'those to any server, not only the ones of resolv.conf' },
  { istio: 'drop-invalid', summary: 'drop what conntrack calls INVALID' },
  { istio: 'dual-stack', summary: 'IPv6 beside IPv4, where the host has addresses of both' },
];

/** What istio-iptables takes from the environment or the machine only, as flags of Sidestep's own. */
export const OWN: readonly OwnFlag[] = [
  {
    name: 'owner-groups',
    value: 'gids',
    variable: 'ISTIO_OUTBOUND_OWNER_GROUPS',
    summary: "groups whose outbound connections are intercepted: '*', or a list",
  },
  {
    name: 'exclude-owner-groups',
    value: 'gids',
    variable: 'ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE',
    summary: 'groups to leave alone',
  },
  {
    name: 'loopback-cidr',
    value: 'cidr',
    variable: 'ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR',
    summary: 'what counts as loopback in IPv4 (127.0.0.1/32)',
  },
  { name: 'dns-servers', value: 'addresses', summary: 'whose DNS queries to catch (those of resolv.conf)' },
  { name: 'proxy-mark', value: 'marks', summary: "know the proxy's traffic by mark: where its uid does not exist" },
];

/** Flags of istio-iptables that say how to run, not what to intercept. Taken, and listed by no help. */
export const RUNNING: readonly Flag[] = [
  { istio: 'cleanup-only', summary: '' },
  { istio: 'force-apply', summary: '' },
  { istio: 'skip-rule-apply', summary: '' },
  { istio: 'cni-mode', summary: '' },
  { istio: 'native-nftables', summary: '' },
  { istio: 'network-namespace', value: 'path', summary: '' },
  { istio: 'force-iptables-binary', value: 'name', summary: '' },
  { istio: 'iptables-probe-port', value: 'port', summary: '' },
  { istio: 'probe-timeout', value: 'time', summary: '' },
  { istio: 'log_as_json', summary: '' },
  ...[
    'caller',
    'output_level',
    'rotate',
    'rotate_max_age',
    'rotate_max_backups',
    'rotate_max_size',
    'stacktrace_level',
    'target',
  ].map((name): Flag => ({ istio: `log_${name}`, value: 'text', summary: '' })),
  { istio: 'vklog', value: 'text', summary: '' },
];

/** The same, declared by the commands themselves because people want them too. */
export const DECLARED: readonly Flag[] = [
  { istio: 'dry-run', short: 'n', summary: '' },
  { istio: 'reconcile', summary: '' },
  { istio: 'run-validation', summary: '' },
];
