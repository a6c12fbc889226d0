import { askedWords } from '../explain/index.ts';
import type { Interception, Machine } from '../interception/index.ts';
import { askedOf } from './interception-flags.ts';

/**
 * The flags of `init` that ask for an interception here and now: the environment's variables, the host's addresses, its
 * users and its resolv.conf fill in what flags leave out, so that what they would fill in otherwise is named.
 */
export async function askedHere(interception: Interception, machine: Machine): Promise<string[]> {
  return askedWords(interception, await unaskedHere(interception, machine));
}

/** What init would do here if it were told no more than the dialect; undefined where variables are such that it does nothing. */
async function unaskedHere({ dialect, proxy, dns }: Interception, machine: Machine): Promise<Interception | undefined> {
  const { RequestRefused } = await import('../interception/index.ts');
  const proxyMark = proxy.marks.length > 0 ? { proxyMark: proxy.marks.join(',') } : {};
  const plain = { dialect, ...proxyMark };
  try {
    const { interception } = await askedOf(plain, [], machine, undefined);
    if (!dns.capture || dns.all) return interception;
    const asking = await askedOf({ ...plain, redirectDns: true, captureAllDns: 'false' }, [], machine, undefined);
    return { ...interception, dns: { ...interception.dns, servers: asking.interception.dns.servers } };
  } catch (error) {
    if (error instanceof RequestRefused) return undefined;
    throw error;
  }
}
