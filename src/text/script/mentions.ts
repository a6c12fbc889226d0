import { behindAssigned } from './assignment.ts';
import { DECLARES } from './declare.ts';
import { expand } from './expand.ts';
import { commandsIn, type Node, type Simple } from './node.ts';
import type { Run } from './state.ts';
import { programOf, toolNamed, wordsBefore } from './tool.ts';
import type { Word } from './word.ts';

/** Letters and names of the commands that change rules, as they stand among words. */
const CHANGES = /^(?:-[AIDRNEXFP]|-[AIRDNEXFP][A-Za-z]\S*|--(?:app|ins|del|rep|new|ren|flu|pol)[a-z-]*(?:=.*)?)$/;

const textOf = ({ parts }: Word): string => parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');

/** The words of a command, as far as they are known; without what is assigned before it. */
const textsOf = (of: Run, { words }: Simple): readonly string[] =>
  behindAssigned(words).flatMap((word) => expand(word, of.variables)?.map(({ text }) => text) ?? [textOf(word)]);

/** Whether a part of a script may change rules: it names a tool, or asks for what only such a tool does. */
export function changesRules(of: Run, node: Node, seen = new Set<Node>()): boolean {
  seen.add(node);
  for (const command of commandsIn(node)) {
    const texts = textsOf(of, command);
    const name = texts[wordsBefore(texts)] ?? '';
    const tool = toolNamed(name);
    const called = of.functions.get(name);
    if (called) {
      if (!seen.has(called) && changesRules(of, called, seen)) return true;
      // What a function is given it may run.
      if (hiddenIn('', texts.slice(1))) return true;
      continue;
    }
    if (tool?.what === 'restore') return true;
    const asks = texts.some((text) => CHANGES.test(text));
    if (asks && (tool || name === '')) return true;
    if (!tool && hidden(of, name, texts.slice(1), command)) return true;
  }
  return false;
}

/** Programs that run what they are given elsewhere, or only speak of it. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...DECLARES,
  ...'ip ssh scp docker podman nerdctl crictl kubectl nsenter unshare lxc-attach echo printf logger grep egrep fgrep awk sed test [ [[ which type hash man apt apt-get yum dnf apk dpkg rpm pkill killall pgrep cat read'.split(
    ' ',
  ),
]);

const SHELLS = /^(?:ba|da|a|k|z)?sh$/;

const MENTION = /(?:^|[\s/;&|("'`=])(ip6?tables(?:-nft|-legacy)?(?:-restore)?|nft|ipset)(?=[\s"';]|$)/;
const ASKS = /\s(?:-[AIDRNEXFP]\b|--(?:append|insert|delete|replace|new|rename|flush|policy))/;

/** Whether the words of a command hold one that changes rules: `sh -c "iptables …"`, `xargs iptables …`. */
export function hiddenIn(name: string, given: readonly string[]): boolean {
  const text = given.join(' ');
  const found = MENTION.exec(text);
  if (!found) return false;
  const tool = found[1] ?? '';
  return name === 'alias' || !/tables(?:-nft|-legacy)?$/.test(tool) || ASKS.test(text.slice(found.index));
}

/** Whether a command that is none of iptables changes rules out of sight. */
export function hidden(of: Run, path: string, given: readonly string[], { input }: Simple): boolean {
  const name = programOf(path);
  if (name === 'nft') return !isHarmlessNft(given);
  if (HARMLESS.has(name) || name === 'ipset') return false;
  if (SHELLS.test(name) && input && hiddenIn(name, [of.text.slice(input.from, input.to)])) return true;
  return hiddenIn(name, given);
}

/** nft is only asked for what is there. */
export const isHarmlessNft = (given: readonly string[]): boolean => {
  const words = given.filter((text) => !text.startsWith('-'));
  return (
    given.some((text) => /^(?:-c|--check|-v|--version|-h|--help)$/.test(text)) ||
    /^(?:list|monitor|describe)$/.test(words[0] ?? 'list')
  );
};

/** Whether what one command of a pipe prints is run by another: `echo "iptables -F" | sh`. */
export function runsWhatItReads(of: Run, nodes: readonly Node[]): boolean {
  const names = nodes.map((node) => (node.kind === 'simple' ? textsOf(of, node) : []));
  const runs = names.slice(1).some((texts) => {
    const [name = '', ...given] = texts.slice(wordsBefore(texts));
    return SHELLS.test(programOf(name)) && !given.some((text) => !text.startsWith('-'));
  });
  return runs && names.some((texts) => hiddenIn('', texts));
}

/** Whether a part of a script may end it. */
export function mayEnd(node: Node): boolean {
  for (const { words } of commandsIn(node))
    if (words[0] && ['exit', 'return', 'exec', 'break', 'continue'].includes(textOf(words[0]))) return true;
  return false;
}
