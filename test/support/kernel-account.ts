import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Family, parseAddress } from '../../src/address/index.ts';
import { BUILT_IN, isTableName } from '../../src/netfilter/index.ts';
import type { Scratch } from './namespace.ts';

/** A rule that the kernel says a packet matched, and the packet's mark after it. */
export interface Matched {
  readonly rule: string;
  readonly mark: number;
}

/** A base chain that the kernel asked about a packet. */
export interface Asked {
  /** `POSTROUTING nat`. */
  readonly chain: string;
  /** The packet as it came there: `10.0.0.5:15001 > 10.0.0.9:40000`. */
  readonly ends: string;
  readonly matched: readonly Matched[];
}

/** One pass of one packet, from PREROUTING or OUTPUT on. */
export interface Pass {
  readonly family: Family;
  readonly departs: boolean;
  readonly ends: string;
  readonly protocol: number;
  readonly flags: number | undefined;
  readonly type: number | undefined;
  readonly asked: readonly Asked[];
}

/** Has the kernel tell of every packet in a namespace. */
export interface KernelAccount {
  /** What it told since the last time. */
  passes(): Promise<readonly Pass[]>;
}

interface Told {
  readonly id: number;
  readonly protocol: Family;
  readonly table: string;
  readonly chain: string;
  readonly place?: { readonly chain: string; readonly number: number };
  readonly mark: number;
  readonly first: boolean;
  readonly carried: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly flags?: number;
  readonly type?: number;
}

const program = readFileSync(new URL('kernel-account-program.mjs', import.meta.url), 'utf8');
const built = new URL('../../dist/linux/index.js', import.meta.url).href;

/** Starts it; it ends with the namespace, or with this process. Rules must not change afterwards. */
export async function openAccount(scratch: Scratch): Promise<KernelAccount> {
  const child = scratch.start([process.execPath, '--input-type=module', '-e', program, built], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  await lines.next();
  return {
    async passes() {
      child.stdin!.write('\n');
      const told: Told[] = [];
      for (;;) {
        const { value, done } = await lines.next();
        if (done || value === 'end') return passesIn(told);
        told.push(JSON.parse(value));
      }
    },
  };
}

type Growing = Omit<Pass, 'asked'> & { readonly asked: (Omit<Asked, 'matched'> & { readonly matched: Matched[] })[] };

/** Messages of several packets may be mixed; each pass begins at the watching table. */
function passesIn(told: readonly Told[]): readonly Pass[] {
  const passes: Growing[] = [];
  const current = new Map<number, Growing>();
  for (const message of told) {
    if (message.table === 'watch') {
      if (!message.first) continue;
      const { protocol: family, carried: protocol, flags, type } = message;
      const pass: Growing = {
        family,
        departs: message.chain === 'departs',
        ends: endsOf(message),
        protocol,
        flags,
        type,
        asked: [],
      };
      passes.push(pass);
      current.set(message.id, pass);
      continue;
    }
    const pass = current.get(message.id);
    if (!pass) throw new Error(`a packet that nobody saw begin: ${JSON.stringify(message)}`);
    if (message.first) {
      const hook = baseChain(message) ?? pass.asked.at(-1)?.chain ?? '?';
      pass.asked.push({ chain: hook, ends: endsOf(message), matched: [] });
    }
    const { place } = message;
    if (place) pass.asked.at(-1)?.matched.push({ rule: `${place.chain} ${place.number}`, mark: message.mark });
  }
  return passes;
}

const baseChain = ({ table, chain }: Told): string | undefined =>
  isTableName(table) && (BUILT_IN[table] as readonly string[]).includes(chain) ? `${chain} ${table}` : undefined;

const endsOf = ({ protocol, source, sourcePort, destination, destinationPort }: Told): string =>
  `${spoken(protocol, source)}:${sourcePort} > ${spoken(protocol, destination)}:${destinationPort}`;

/** Addresses come in hexadecimal digits; numbers are compared. */
const spoken = (family: Family, hex: string): string =>
  family === 'ipv4' ? String(Number.parseInt(hex, 16)) : String(BigInt(`0x${hex}`));

/** The number of an address, as ends write it. */
export const numberOf = (text: string): string => String(parseAddress(text)?.value);
