import { defaultInterception, type Interception } from '../interception/index.ts';
import { shellWord } from './words.ts';

/**
 * An interception as the flags of `init` that ask for it, in the order of Istio's own, each as a shell reads it back. What
 * is the default is left out: what init does where nothing is said.
 *
 * @param there what init would do in a particular place if it were only told the dialect, where variables, users,
 * addresses and resolv.conf have their say. What differs from that is named too.
 * @example askedWords(interception) // ["--dialect istio", "-b '*'", '-d 15090,15021']
 */
export function askedWords(interception: Interception, there?: Interception): string[] {
  const { dialect, mode, outboundPort, proxy, inbound, outbound, interfaces, dns, tproxy } = interception;
  const [usual, ...others] = [defaultInterception(dialect), ...(there ? [there] : [])];
  /** A flag, unless its value is what every default has. */
  const given = (flag: string, value: Value, of: (one: Interception) => Value): string[] =>
    [usual, ...others].every((one) => text(of(one)) === text(value)) ? [] : [`${flag} ${shellWord(text(value))}`];
  const on = (flag: string, value: boolean, of: (one: Interception) => boolean): string[] =>
    [usual, ...others].every((one) => of(one) === value) ? [] : [value ? flag : `${flag}=false`];
  const byMark = proxy.marks.length > 0;
  return [
    `--dialect ${dialect}`,
    ...given('--family', familyFlag(interception), familyFlag),
    ...given('-p', outboundPort, (one) => one.outboundPort),
    // In 2018 one port took both directions.
    ...given('-z', interception.inboundPort, (one) =>
      dialect === 'istio-2018' && one.inboundPort === one.outboundPort ? outboundPort : one.inboundPort,
    ),
    ...given('-e', interception.tunnelPort, (one) => one.tunnelPort),
    ...given('-u', proxy.uids, (one) => (byMark && one === usual ? [] : one.proxy.uids)),
    // The groups are the users, where nothing else is said.
    ...given('-g', proxy.gids, (one) => (text(one.proxy.gids) === text(one.proxy.uids) ? proxy.uids : one.proxy.gids)),
    ...given('--proxy-mark', proxy.marks.map(String), () => []),
    ...given(mode === 'NONE' ? '--mode' : '-m', mode, (one) => one.mode),
    ...given('-i', outbound.include, (one) => one.outbound.include),
    ...given('-x', outbound.exclude, (one) => one.outbound.exclude),
    ...given('-b', inbound.include, (one) => one.inbound.include),
    ...given('-d', inbound.exclude, (one) => one.inbound.exclude),
    ...given('-q', outbound.includePorts, (one) => one.outbound.includePorts),
    ...given('-o', outbound.excludePorts, (one) => one.outbound.excludePorts),
    ...given('--owner-groups', outbound.ownerGroups.include, (one) => one.outbound.ownerGroups.include),
    ...given('--exclude-owner-groups', outbound.ownerGroups.exclude, (one) => one.outbound.ownerGroups.exclude),
    ...given('--loopback-cidr', interception.loopback, (one) => one.loopback),
    ...given('-c', interfaces.exclude, (one) => one.interfaces.exclude),
    ...given('-k', interfaces.virtual, (one) => one.interfaces.virtual),
    ...given('-t', tproxy.mark, (one) => one.tproxy.mark),
    ...given('-r', tproxy.table, (one) => one.tproxy.table),
    ...on('--capture-dns', dns.capture, (one) => one.dns.capture),
    ...on('--capture-all-dns', dns.all, (one) => one.dns.all),
    // Only then does anybody look at them.
    ...(dns.capture && !dns.all ? given('--dns-servers', dns.servers, (one) => one.dns.servers) : []),
    ...on('--drop-invalid', interception.dropInvalid, (one) => one.dropInvalid),
  ];
}

type Value = string | number | readonly string[];

const text = (value: Value): string => (typeof value === 'object' ? value.join(',') : String(value));

const familyFlag = ({ families }: Interception): string => (families.length > 1 ? 'both' : (families[0] ?? 'both'));
