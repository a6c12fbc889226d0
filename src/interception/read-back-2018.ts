import { defaultInterception } from './defaults.ts';
import type { Include, Interception } from './interception.ts';
import { caughtBy, everywhere, type Reading, without } from './reading.ts';

const PORT = '-p tcp -m tcp --dport (\\S+)';

/** The interception that wrote these rules in the form of 2018. What is out of order or too much is not looked at. */
export function readBack2018(reading: Reading): Interception {
  const base = defaultInterception('istio-2018');
  const redirect = (chain: string): number | undefined => {
    const [port] = caughtBy(reading.lines('nat', chain), /^-p tcp -j REDIRECT --to-ports (\d+)$/);
    return port === undefined ? undefined : Number(port);
  };
  const outboundPort = redirect('ISTIO_REDIRECT') ?? base.outboundPort;
  const tproxy = reading.has('mangle', 'ISTIO_INBOUND') || reading.has('mangle', 'ISTIO_TPROXY');
  const caught = tproxy || reading.has('nat', 'ISTIO_INBOUND');
  const [mark] = caughtBy(reading.lines('mangle', 'ISTIO_DIVERT'), /^-j MARK --set-xmark (\S+?)\//);
  const output = reading.lines('nat', 'ISTIO_OUTPUT');
  return {
    ...base,
    mode: tproxy ? 'TPROXY' : caught ? 'REDIRECT' : 'NONE',
    outboundPort,
    inboundPort: redirect('ISTIO_IN_REDIRECT') ?? outboundPort,
    inbound: inbound(reading, tproxy),
    proxy: {
      uids: caughtBy(output, /^-m owner --uid-owner (\S+) -j RETURN$/),
      gids: caughtBy(output, /^-m owner --gid-owner (\S+) -j RETURN$/),
      marks: caughtBy(output, /^-m mark --mark (\S+) -j RETURN$/).map(Number),
    },
    outbound: { ...base.outbound, ...outbound(reading, output) },
    tproxy: { ...base.tproxy, ...(mark === undefined ? {} : { mark: Number(mark) }) },
  };
}

function inbound(reading: Reading, tproxy: boolean): Interception['inbound'] {
  const lines = reading.lines(tproxy ? 'mangle' : 'nat', 'ISTIO_INBOUND');
  const target = tproxy ? 'ISTIO_TPROXY' : 'ISTIO_IN_REDIRECT';
  if (!lines.includes(`-p tcp -j ${target}`))
    return { include: caughtBy(lines, new RegExp(`^${PORT} -j ${target}$`)), exclude: [] };
  // The form itself excludes port 22.
  return { include: '*', exclude: without(caughtBy(lines, new RegExp(`^${PORT} -j RETURN$`)), ['22']) };
}

function outbound(
  { family }: Reading,
  lines: readonly string[],
): Pick<Interception['outbound'], 'include' | 'exclude'> {
  const all = everywhere(family);
  const to = (line: string, target: string): string | undefined => {
    if (line === `-j ${target}`) return all;
    return caughtBy([line], new RegExp(`^-d (\\S+) -j ${target}$`))[0];
  };
  const include: string[] = [];
  const exclude: string[] = [];
  let closed = false;
  for (const line of lines) {
    const redirected = to(line, 'ISTIO_REDIRECT');
    const returned = to(line, 'RETURN');
    if (redirected !== undefined) include.push(redirected);
    // A list ends with a RETURN of its own, which excludes nothing.
    else if (returned === all && include.length > 0) closed = true;
    else if (returned !== undefined) exclude.push(returned);
  }
  const star: Include<string> = include.length === 1 && include[0] === all && !closed ? '*' : include;
  return { include: star, exclude: without(exclude, ['127.0.0.1/32']) };
}
