const BECAUSE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  EHOSTUNREACH: 'the host does not answer',
  ENETUNREACH: 'there is no route',
  EADDRNOTAVAIL: 'the source address is not on this host; IPv6 needs ::6/128 on lo, which sidestep init adds',
  EPERM: 'CAP_NET_ADMIN is missing, or a rule rejects it',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  ENOMEM: 'the kernel has no memory for it',
  ENOBUFS: 'the kernel has no memory for it',
};

/**
 * Why an upstream could not be reached: what the system said, and what it means where its words are not enough to see what to do.
 *
 * @example failureOf('connect ENETUNREACH 192.0.2.1:80', 'ENETUNREACH') // '… (there is no route)'
 */
export function failureOf(said: string, code: string | undefined): string {
  const words = code === undefined ? undefined : BECAUSE[code];
  return words ? `${said} (${words})` : said;
}

/** Whether errno's name says that the system has none of what any connection needs, whoever it goes to. */
export const isScarcity = (code: string | undefined): boolean =>
  code !== undefined && ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'].includes(code);

/** What is told of it, beside the connection's own record. */
export const scarcityAt = (said: string): string => `a connection could not be passed on: ${said}`;

/** Of a connection that its client has reset: conntrack may have forgotten by then where it was going. */
export const GONE_BEFORE = 'the client was gone before its connection was looked at';

/** How a side that is gone is told of in a record, by errno's name. */
export const goneBecause = (who: 'client' | 'upstream', code: string | undefined, said: string): string =>
  code === 'ECONNRESET' || code === 'EPIPE' ? `the ${who} reset the connection` : `the ${who} is gone: ${said}`;
