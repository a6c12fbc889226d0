/**
 * Extensions of iptables 1.8.9 that Sidestep knows by name only: they are kept word for word, and are no misspelling of
 * one that it knows. Once it knows one, its name here can go. Source: iptables-extensions(8).
 */
export const FOREIGN_MATCHES: ReadonlySet<string> = new Set('ipcomp ipvs rateest srh'.split(' '));

export const FOREIGN_TARGETS: ReadonlySet<string> = new Set('CLUSTERIP ULOG'.split(' '));
