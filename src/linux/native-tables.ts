import { isTableName, type NftTable, type Unread } from '../netfilter/index.ts';
import { escapeControl, parseNft } from '../text/index.ts';
import { run } from './command.ts';
import { refusalOf } from './complaint.ts';
import type { FileText } from './kernel-files.ts';
import type { Namespace } from './namespace.ts';
import { builtModule } from './socket/installed.ts';
import type { TableTexts } from './step.ts';
import { listTables } from './table-list.ts';
import { findTool, installHint } from './tool.ts';

/** The native tables of a namespace, and what kept some from being read. */
export interface ReadTables {
  /** In the order in which they were made. Undefined where they could not be read. */
  readonly native?: readonly NftTable[];
  /** The tables as nft listed them, by family and name. */
  readonly texts: TableTexts;
  readonly unread: readonly Unread[];
}

/** A table's place, as nft writes it: `inet istio-proxy-nat`. */
interface Named {
  readonly family: string;
  readonly name: string;
}

/** Families whose chains see no packet of IPv4 or IPv6 on its way through the stack. */
const ASIDE: ReadonlySet<string> = new Set(['arp', 'bridge']);

/** iptables' own tables on the nft back end. */
const isOfIptables = ({ family, name }: Named): boolean => (family === 'ip' || family === 'ip6') && isTableName(name);

/**
 * Reads the tables of nftables that iptables does not own. Where there are none, it costs nothing;
 * without nft, the kernel is asked whether it holds any.
 *
 * @param listed what `nft list tables` printed; undefined where nft is not installed
 */
export async function readNativeTables(namespace: Namespace, listed: FileText | undefined): Promise<ReadTables> {
  const nft = findTool('nft');
  if (nft === undefined || typeof listed !== 'string') return withoutNft(namespace);
  const named = listed.split('\n').flatMap((line): readonly Named[] => {
    const [, family, name] = /^table (\S+) (.+)$/.exec(line) ?? [];
    return family === undefined || name === undefined ? [] : [{ family, name }];
  });
  const wanted = named.filter((one) => !ASIDE.has(one.family) && !isOfIptables(one));
  const read = await Promise.all(wanted.map((one) => readTable(namespace, nft, one)));
  return {
    native: read.flatMap(({ native = [] }) => native),
    texts: new Map(read.flatMap(({ texts }) => [...texts])),
    unread: read.flatMap(({ unread }) => unread),
  };
}

async function readTable(namespace: Namespace, nft: string, { family, name }: Named): Promise<ReadTables> {
  const done = await run([...namespace.enter, nft, '-a', 'list', 'table', family, name]);
  const what = `table ${family} ${escapeControl(name)}`;
  const doing = `reading ${what}`;
  const unread = (because: string): ReadTables => ({ texts: new Map(), unread: [missing(what, because)] });
  if (done.status !== 0) return unread(refusalOf(done, { doing }).message);
  try {
    const native = parseNft(done.stdout, { source: what, keepGoing: true });
    return { native, texts: new Map([[`${family} ${name}`, done.stdout]]), unread: [] };
  } catch (error) {
    return unread(error instanceof Error ? error.message : String(error));
  }
}

const missing = (what: string, because: string): Unread => ({
  about: 'rules',
  what,
  because,
  hint: `See it with: nft list ${what}`,
});

/** The kernel tells which tables there are; what is in them only nft can say. */
async function withoutNft(namespace: Namespace): Promise<ReadTables> {
  const tables = await tablesThere(namespace);
  const native = tables?.filter((one) => !ASIDE.has(one.family) && !isOfIptables(one));
  if (native?.length === 0) return { native: [], texts: new Map(), unread: [] };
  const names = native?.map(({ family, name }) => `${family} ${escapeControl(name)}`).join(', ');
  const unread: Unread = {
    about: 'rules',
    what: names === undefined ? 'tables made with nft itself' : `tables made with nft itself (${names})`,
    because: 'nft is not installed',
    hint: installHint(['nft']),
  };
  return { texts: new Map(), unread: [unread] };
}

/** Undefined where the kernel cannot be asked: koffi is missing. */
async function tablesThere(namespace: Namespace): Promise<readonly Named[] | undefined> {
  if (namespace.enter.length === 0) {
    try {
      return listTables();
    } catch {
      return undefined;
    }
  }
  const node = [process.execPath, '--input-type=module', '-e', INSIDE, builtModule('dist/linux/table-list.js')];
  const done = await run([...namespace.enter, ...node]);
  return done.status === 0 ? (JSON.parse(done.stdout) as readonly Named[]) : undefined;
}

const INSIDE = `
const { listTables } = await import(process.argv[1]);
console.log(JSON.stringify(listTables()));`;
