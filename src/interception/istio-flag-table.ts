/** What a flag of istio-iptables takes. */
export type FlagKind = 'text' | 'boolean' | 'port' | 'duration';

/** One flag of istio-iptables and the environment variables that set it. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** Variables that set it; a later one wins over an earlier one, a flag over all of them. */
  readonly variables: readonly string[];
  /** Taken and without effect here, because … */
  readonly ignored?: string;
}

const variable = (name: string): string => name.toUpperCase().replaceAll('-', '_');

const flag = (name: string, short: string | undefined, kind: FlagKind, more: Partial<Flag> = {}): Flag => ({
  name,
  ...(short ? { short } : {}),
  kind,
  variables: [variable(name)],
  ...more,
});

const LOG = 'Sidestep says what it does on standard error: see SIDESTEP_LOG';
const log = (name: string, kind: FlagKind): Flag => ({ name, kind, variables: [], ignored: LOG });

/** Every flag of today's istio-iptables. */
export const ISTIO_FLAGS: readonly Flag[] = [
  flag('envoy-port', 'p', 'text', { variables: [] }),
  flag('inbound-capture-port', 'z', 'text'),
  flag('inbound-tunnel-port', 'e', 'text'),
  flag('proxy-uid', 'u', 'text'),
  flag('proxy-gid', 'g', 'text'),
  flag('istio-inbound-interception-mode', 'm', 'text'),
  flag('istio-inbound-ports', 'b', 'text'),
  flag('istio-local-exclude-ports', 'd', 'text'),
  flag('istio-exclude-interfaces', 'c', 'text'),
  flag('istio-service-cidr', 'i', 'text'),
  flag('istio-service-exclude-cidr', 'x', 'text'),
  flag('istio-outbound-ports', 'q', 'text'),
  flag('istio-local-outbound-ports-exclude', 'o', 'text'),
  flag('kube-virt-interfaces', 'k', 'text'),
  flag('istio-inbound-tproxy-mark', 't', 'text'),
  flag('istio-inbound-tproxy-route-table', 'r', 'text'),
  flag('dry-run', 'n', 'boolean'),
  flag('iptables-probe-port', undefined, 'port'),
  flag('probe-timeout', undefined, 'duration'),
  flag('skip-rule-apply', undefined, 'boolean'),
  flag('run-validation', undefined, 'boolean'),
  flag('redirect-dns', undefined, 'boolean', { variables: ['REDIRECT_DNS', 'ISTIO_META_DNS_CAPTURE'] }),
  flag('drop-invalid', undefined, 'boolean', { variables: ['DROP_INVALID', 'INVALID_DROP'] }),
  flag('dual-stack', undefined, 'boolean', { variables: ['DUAL_STACK', 'ISTIO_DUAL_STACK'] }),
  flag('capture-all-dns', undefined, 'boolean'),
  flag('network-namespace', undefined, 'text'),
  flag('cni-mode', undefined, 'boolean'),
  flag('reconcile', undefined, 'boolean'),
  flag('cleanup-only', undefined, 'boolean'),
  flag('force-apply', undefined, 'boolean'),
  flag('native-nftables', undefined, 'boolean'),
  flag('force-iptables-binary', undefined, 'text'),
  log('log_as_json', 'boolean'),
  log('log_caller', 'text'),
  log('log_output_level', 'text'),
  log('log_rotate', 'text'),
  log('log_rotate_max_age', 'text'),
  log('log_rotate_max_backups', 'text'),
  log('log_rotate_max_size', 'text'),
  log('log_stacktrace_level', 'text'),
  log('log_target', 'text'),
  log('vklog', 'text'),
];

/** Variables of istio-iptables that no flag sets. */
export const ISTIO_VARIABLES = {
  ownerGroups: 'ISTIO_OUTBOUND_OWNER_GROUPS',
  ownerGroupsExclude: 'ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE',
  loopback: 'ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR',
  user: 'ENVOY_USER',
  /** 2018 only. */
  ipv6: 'ENABLE_INBOUND_IPV6',
} as const;
