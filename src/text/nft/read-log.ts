import type { NftStatement } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { expectName, expectNumber, expectWord, type Scanner, takeIf, unexpected } from './tokens.ts';

/** What stands behind `log`: `prefix "x" group 5 flags tcp sequence,options flags ip options`, in any order. */
export function readLog(scanner: Scanner): NftStatement {
  const numbers: Record<'group' | 'snaplen' | 'queue-threshold', number | undefined> = {
    group: undefined,
    snaplen: undefined,
    'queue-threshold': undefined,
  };
  let prefix: string | undefined;
  let level: string | undefined;
  const flags: string[] = [];
  for (;;) {
    if (takeIf(scanner, 'prefix')) prefix = expectName(scanner, 'a text');
    else if (takeIf(scanner, 'level')) level = expectWord(scanner, 'a level');
    else if (takeIf(scanner, 'flags')) flags.push(...readFlags(scanner));
    else {
      const name = (['group', 'snaplen', 'queue-threshold'] as const).find((one) => takeIf(scanner, one));
      if (!name) break;
      numbers[name] = expectNumber(scanner, 'a number');
    }
  }
  return {
    kind: 'log',
    ...given('prefix', prefix),
    ...given('level', level),
    ...given('group', numbers.group),
    ...given('snaplen', numbers.snaplen),
    ...given('queueThreshold', numbers['queue-threshold']),
    flags,
  };
}

function readFlags(scanner: Scanner): string[] {
  if (takeIf(scanner, 'ip')) return [`ip ${expectWord(scanner, 'options')}`];
  if (takeIf(scanner, 'tcp')) {
    const flags = [`tcp ${expectWord(scanner, 'sequence or options')}`];
    while (takeIf(scanner, ',')) flags.push(`tcp ${expectWord(scanner, 'sequence or options')}`);
    return flags;
  }
  for (const flag of ['skuid', 'ether', 'all']) if (takeIf(scanner, flag)) return [flag];
  throw unexpected(scanner, 'one of tcp, ip, skuid, ether, all');
}
