/** Why nothing is known of a match or a target of iptables in a table of that family: nft shows no more than its name. */
export const xtReason = (family: string): string =>
  `nft does not show what it says; ${family === 'ip6' ? 'ip6tables-save' : 'iptables-save'} does`;
