import type { NftFlowtable, NftObject, NftSet } from '../../netfilter/index.ts';
import { type NftPrintOptions, printElement } from './print-expression.ts';
import { printCounts, printQuota, printRate, printStateful } from './print-stateful.ts';
import { printTypes } from './print-type.ts';
import { printedTypes, printName, quote } from './print-value.ts';
import { printPriority } from './priority.ts';
import { printTimeSpan } from './value.ts';

/** A block of a table: a line that opens it, lines inside, and the brace. */
export function block(
  title: string,
  handle: number | undefined,
  lines: readonly string[],
  options: NftPrintOptions,
): string {
  const handled = options.handles && handle !== undefined ? ` # handle ${handle}` : '';
  return `\t${title} {${handled}\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

/** A named object. */
export function printObject(object: NftObject, options: NftPrintOptions): string {
  const comment = object.comment === undefined ? [] : [`comment ${quote(object.comment)}`];
  const type = object.kind === 'opaque' ? object.type : object.kind;
  return block(
    `${type} ${printName(object.name)}`,
    object.handle,
    [...comment, ...objectLines(object, options)],
    options,
  );
}

function objectLines(object: NftObject, options: NftPrintOptions): string[] {
  switch (object.kind) {
    case 'counter':
      return options.state ? [printCounts(object)] : [];
    case 'quota':
      return [printQuota(object, options)];
    case 'limit':
      return [printRate(object)];
    case 'ct helper':
      return [`type ${quote(object.type)} protocol ${object.protocol}`, `l3proto ${object.l3proto}`];
    case 'ct timeout': {
      const policy = Object.entries(object.policy).map(([state, seconds]) => `${state} : ${seconds}`);
      return [
        `protocol ${object.protocol}`,
        `l3proto ${object.l3proto}`,
        ...(policy.length === 0 ? [] : [`policy = { ${policy.join(', ')} }`]),
      ];
    }
    case 'ct expectation':
      return [
        `protocol ${object.protocol}`,
        `dport ${object.port}`,
        `timeout ${printTimeSpan(object.timeout / 1000)}`,
        `size ${object.size}`,
        `l3proto ${object.l3proto}`,
      ];
    case 'synproxy':
      return [
        `mss ${object.mss}`,
        `wscale ${object.wscale}`,
        ...(object.flags.length === 0 ? [] : [object.flags.join(' ')]),
      ];
    case 'opaque':
      return object.words === '' ? [] : object.words.split('; ');
  }
}

/** A flowtable. */
export function printFlowtable(table: NftFlowtable, options: NftPrintOptions): string {
  const lines = [`hook ${table.hook} priority ${printPriority(table.priority, table.hook)}`];
  if (table.devices.length > 0) lines.push(`devices = { ${table.devices.map(printName).join(', ')} }`);
  if (table.flags.length > 0) lines.push(`flags ${table.flags.join(',')}`);
  if (table.counter) lines.push('counter');
  return block(`flowtable ${printName(table.name)}`, table.handle, lines, options);
}

const FLAG_ORDER = ['constant', 'dynamic', 'interval', 'timeout'];

/** A named set or map. */
export function printSet(set: NftSet, options: NftPrintOptions): string {
  const lines = [printTypes(set)];
  if (set.policy !== undefined && set.policy !== 'performance') lines.push(`policy ${set.policy}`);
  if (set.size !== undefined) lines.push(`size ${set.size}`);
  const flags = [...set.flags].sort((a, b) => FLAG_ORDER.indexOf(a) - FLAG_ORDER.indexOf(b));
  // That a set with a timeout has timeouts goes without saying.
  if (flags.some((flag) => flag !== 'timeout' || set.timeout === undefined)) lines.push(`flags ${flags.join(',')}`);
  if (set.autoMerge) lines.push('auto-merge');
  if (set.timeout !== undefined) lines.push(`timeout ${printTimeSpan(set.timeout)}`);
  if (set.gcInterval !== undefined) lines.push(`gc-interval ${printTimeSpan(set.gcInterval)}`);
  for (const statement of set.statements) lines.push(printStateful(statement, {}));
  if (set.comment !== undefined) lines.push(`comment ${quote(set.comment)}`);
  if (set.elements.length > 0) lines.push(printElements(set, options));
  return block(`${set.data ? 'map' : 'set'} ${printName(set.name)}`, set.handle, lines, options);
}

/** How many elements nft puts on a line, by the type of the key. Source: calculate_delim in nftables' expression.c. */
const FIVE: ReadonlySet<string | undefined> = new Set(
  'integer raw mark iface_index inet_proto inet_service tcp_flag dccp_pkttype classid uid gid'.split(' '),
);
const TWO: ReadonlySet<string | undefined> = new Set(
  'ipv4_addr ct_state ct_dir ct_status ct_label pkt_type nf_proto'.split(' '),
);

function printElements({ key, data, elements }: NftSet, options: NftPrintOptions): string {
  const types = key.typeof ? printedTypes(key.typeof) : key.names;
  const dataTypes = data?.typeof ? printedTypes(data.typeof) : (data?.names ?? []);
  const many = types.length !== 1 ? 1 : FIVE.has(types[0]) ? 5 : TWO.has(types[0]) ? 2 : 1;
  let text = 'elements = { ';
  elements.forEach((element, index) => {
    if (index > 0) text += index % many === 0 ? ',\n\t\t\t     ' : ', ';
    text += printElement(element, types, dataTypes, options);
  });
  return `${text} }`;
}
