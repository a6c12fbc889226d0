import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../address/index.ts';
import type { Machine } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';

/**
 * What istio-iptables looks up: resolv.conf, users and groups, and this process's own addresses. For another process
 * the files are those that it sees.
 */
export function machineFor({ pid }: { readonly pid?: number }): Machine {
  const root = pid === undefined ? '' : `/proc/${pid}/root`;
  const files = ['/etc/resolv.conf', '/etc/passwd', '/etc/group'];
  const [resolvConf, passwd, group] = files.map((path) => textOf(`${root}${path}`) ?? textOf(path));
  return {
    ...(resolvConf === undefined ? {} : { resolvConf }),
    addresses: ownAddresses(),
    uidOf: (name) => idOf(passwd, name),
    gidOf: (name) => idOf(group, name),
  };
}

/** The same machine with the addresses of another network namespace. */
export const machineOf = (machine: Machine, { interfaces }: Snapshot): Machine =>
  interfaces
    ? {
        ...machine,
        addresses: interfaces.flatMap(({ addresses }) => addresses.map(({ family, value }) => ({ family, value }))),
      }
    : machine;

/** Whether two machines have the same addresses, in whatever order. */
export function sameAddresses(one: Machine, other: Machine): boolean {
  const words = ({ addresses = [] }: Machine): string =>
    addresses
      .map(({ family, value }) => `${family} ${value}`)
      .sort()
      .join();
  return words(one) === words(other);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ownAddresses(): Address[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.flatMap(({ address }) => parseAddress(address.replace(/%.*/, '')) ?? []);
}

/** The id behind a name in passwd(5) or group(5): both keep it in the third field. */
function idOf(text: string | undefined, wanted: string): number | undefined {
  const fields = text
    ?.split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === wanted);
  const id = fields?.[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}
