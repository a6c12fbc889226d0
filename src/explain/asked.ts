import { defaultInterception, type Include, type Interception } from '../interception/index.ts';

/**
 * An interception as the flags of `init` that ask for it, in the order of Istio's own. What is the default is left out.
 *
 * @example askedWords(interception) // ["--dialect istio", "-b '*'", '-d 15090,15021']
 */
export function askedWords(interception: Interception): string[] {
  const usual = defaultInterception(interception.dialect);
  const { dialect, mode, outboundPort, inboundPort, tunnelPort, proxy, inbound, outbound, interfaces, dns } =
    interception;
  const own = proxy.marks.length === 0;
  return [
    `--dialect ${dialect}`,
    ...given('-p', outboundPort, usual.outboundPort),
    ...given('-z', inboundPort, dialect === 'istio-2018' ? outboundPort : usual.inboundPort),
    ...given('-e', tunnelPort, usual.tunnelPort),
    ...(own ? given('-u', listed(proxy.uids), listed(usual.proxy.uids)) : []),
    ...(own ? given('-g', listed(proxy.gids), listed(proxy.uids)) : []),
    ...given('--proxy-mark', listed(proxy.marks.map(String)), ''),
    ...given(mode === 'NONE' ? '--mode' : '-m', mode, usual.mode),
    ...given('-i', listed(outbound.include), ''),
    ...given('-x', listed(outbound.exclude), ''),
    ...given('-b', listed(inbound.include), ''),
    ...given('-d', listed(inbound.exclude), ''),
    ...given('-q', listed(outbound.includePorts), ''),
    ...given('-o', listed(outbound.excludePorts), ''),
    ...given('-c', listed(interfaces.exclude), ''),
    ...given('-k', listed(interfaces.virtual), ''),
    ...given('-t', interception.tproxy.mark, usual.tproxy.mark),
    ...given('-r', interception.tproxy.table, usual.tproxy.table),
    ...(dns.capture ? ['--capture-dns'] : []),
    ...(dns.all ? ['--capture-all-dns'] : []),
    ...(interception.dropInvalid ? ['--drop-invalid'] : []),
  ];
}

const listed = (values: Include<string>): string => (values === '*' ? "'*'" : values.join(','));

const given = (flag: string, value: string | number, usual: string | number): string[] =>
  String(value) === String(usual) ? [] : [`${flag} ${value === '' ? "''" : value}`];
