import { paragraph } from '../explain/index.ts';
import type { HeldRules } from '../netfilter/index.ts';
import { escapeControl, printSave } from '../text/index.ts';
import type { Terminal } from './terminal.ts';

/**
 * Writes rule sets as iptables-save would print them back, byte for byte. Where there are several, a line before each says
 * whose it is. A terminal gets control characters escaped: a comment must not be able to rule it.
 */
export async function writeSave(
  held: readonly HeldRules[],
  { counters }: { readonly counters: boolean },
  terminal: Terminal,
): Promise<void> {
  const printed = held
    .map(({ backend, rules }) => ({ backend, family: rules.family, text: printSave(rules, { counters, backend }) }))
    .filter(({ text }) => text !== '');
  const backends = new Set(printed.map(({ backend }) => backend));
  const text = printed
    .map((part) => {
      const heading = printed.length > 1 || part.family === 'ipv6' ? `# family ${part.family}\n` : '';
      return `${heading}${backends.size > 1 ? `# back end ${part.backend}\n` : ''}${part.text}`;
    })
    .join('');
  const safe = terminal.interactive ? text.split('\n').map(escapeControl).join('\n') : text;
  if (safe !== text) {
    await terminal.say(
      [paragraph('sidestep: control characters are escaped here; in a pipe or a file they are kept.')],
      'warn',
    );
  }
  terminal.write(safe);
}
