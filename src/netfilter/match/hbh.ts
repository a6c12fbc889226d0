import { optionsHeader } from './options-header.ts';

/** `-m hbh`: IPv6's Hop-by-Hop Options header. Source: iptables-extensions(8), hbh. */
export const hbh = optionsHeader('hbh', 'hop-by-hop');
