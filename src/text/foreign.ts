/**
 * Extensions of iptables 1.8.9 that Sidestep knows by name only: they are kept word for word, and are no misspelling of
 * one that it knows. Once it knows one, its line here can go. Source: iptables-extensions(8).
 */
export const FOREIGN_MATCHES: ReadonlySet<string> = new Set(
  (
    'ah bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp dst ecn esp eui64 frag hashlimit hbh ' +
    'helper ipcomp ipv6header ipvs length mh nfacct osf physdev pkttype policy quota rateest realm rpfilter rt sctp ' +
    'srh string tcpmss tos u32'
  ).split(' '),
);

export const FOREIGN_TARGETS: ReadonlySet<string> = new Set(
  (
    'AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK DNPT DSCP ECN HL HMARK IDLETIMER LED NETMAP NFQUEUE RATEEST SECMARK ' +
    'SET SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TTL ULOG'
  ).split(' '),
);
