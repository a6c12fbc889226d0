import type { Word } from './lex.ts';
import type { Node } from './parse.ts';
import { toolNamed } from './tool.ts';

/** All simple commands within a part of a script. */
export function* commandsIn(node: Node): Generator<Extract<Node, { readonly kind: 'simple' }>> {
  if (node.kind === 'simple') yield node;
  else for (const part of partsOf(node)) yield* commandsIn(part);
}

function partsOf(node: Exclude<Node, { readonly kind: 'simple' }>): readonly Node[] {
  switch (node.kind) {
    case 'list':
    case 'pipe':
    case 'open':
      return node.nodes;
    case 'chain':
      return [node.first, ...node.rest.map((one) => one.node)];
    case 'if':
      return [...node.branches.flatMap(({ when, body }) => [when, body]), ...(node.otherwise ? [node.otherwise] : [])];
    case 'for':
    case 'function':
      return [node.body];
  }
}

/** Letters and names of the commands that change rules. */
const CHANGES =
  /^(?:-[AIDRNEXFPZ]|--(?:append|insert|delete|replace|new-chain|rename-chain|delete-chain|flush|policy|zero))$/;

const textOf = ({ parts }: Word): string => parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');

/** Whether a part of a script may change rules: it names a tool, or asks for what only such a tool does. */
export function changesRules(node: Node, functions: ReadonlyMap<string, Node>, seen = new Set<Node>()): boolean {
  seen.add(node);
  for (const { words } of commandsIn(node)) {
    const texts = words.map(textOf);
    const tool = texts.map(toolNamed).find((named) => named !== undefined);
    if (tool?.what === 'restore') return true;
    const asks = texts.some((text) => CHANGES.test(text));
    if (asks && (tool || words[0]?.parts[0]?.kind !== 'text')) return true;
    const called = functions.get(texts[0] ?? '');
    if (called && !seen.has(called) && changesRules(called, functions, seen)) return true;
  }
  return false;
}

/** Whether a part of a script may end it. */
export function mayEnd(node: Node): boolean {
  for (const { words } of commandsIn(node))
    if (['exit', 'return', 'exec', 'break', 'continue'].includes(textOf(words[0] ?? NO_WORD))) return true;
  return false;
}

const NO_WORD: Word = { parts: [], at: 0, length: 0, line: 0 };
