import { paragraph } from '../explain/index.ts';
import type { HeldRules, NftTable } from '../netfilter/index.ts';
import { escapeControl, printNft, printSave } from '../text/index.ts';
import type { Terminal } from './terminal.ts';

/**
 * Writes rule sets as iptables-save would print them back, byte for byte. Where there are several, a line before each says
 * whose it is. Native tables, where there is nothing else, as nft would list them. A terminal gets control characters escaped: a comment must not be able to rule it.
 */
export async function writeSave(
  held: readonly HeldRules[],
  { counters, native = [] }: { readonly counters: boolean; readonly native?: readonly NftTable[] },
  terminal: Terminal,
): Promise<void> {
  const printed = held
    .map(({ backend, rules }) => ({ backend, family: rules.family, text: printSave(rules, { counters, backend }) }))
    .filter(({ text }) => text !== '');
  if (printed.length === 0) return writeSafely(printNft(native, { state: counters }), terminal);
  if (native.length > 0) {
    const names = native.map(({ family, name }) => `${family} ${name}`).join(', ');
    await terminal.say([paragraph(`sidestep: not in it, as iptables does not hold them: table ${names}`)], 'warn');
  }
  const backends = new Set(printed.map(({ backend }) => backend));
  const text = printed
    .map((part) => {
      const heading = printed.length > 1 || part.family === 'ipv6' ? `# family ${part.family}\n` : '';
      return `${heading}${backends.size > 1 ? `# back end ${part.backend}\n` : ''}${part.text}`;
    })
    .join('');
  return writeSafely(text, terminal);
}

async function writeSafely(text: string, terminal: Terminal): Promise<void> {
  const safe = terminal.interactive ? text.split('\n').map(escapeControl).join('\n') : text;
  if (safe !== text) {
    await terminal.say(
      [paragraph('sidestep: control characters are escaped here; in a pipe or a file they are kept.')],
      'warn',
    );
  }
  terminal.write(safe);
}
