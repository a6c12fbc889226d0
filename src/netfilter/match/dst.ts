import { optionsHeader } from './options-header.ts';

/** `-m dst`: IPv6's Destination Options header. Source: iptables-extensions(8), dst. */
export const dst = optionsHeader('dst', 'ipv6-opts');
