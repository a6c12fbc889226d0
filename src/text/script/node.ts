import type { Body } from './lex.ts';
import type { Word } from './word.ts';

/** What a script does, as far as it is looked at. */
export type Node =
  | Simple
  | { readonly kind: 'list'; readonly nodes: readonly Node[] }
  /** `( … )`, and what runs beside the script (`&`): what is set there is not set outside. */
  | { readonly kind: 'subshell'; readonly node: Node; readonly beside: boolean }
  | {
      readonly kind: 'chain';
      readonly first: Node;
      readonly rest: readonly { readonly op: '&&' | '||'; readonly node: Node }[];
    }
  | { readonly kind: 'pipe'; readonly nodes: readonly Node[]; readonly negated: boolean }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly when: Node; readonly body: Node }[];
      readonly otherwise?: Node;
      readonly place: Place;
    }
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly words: readonly Word[] | undefined;
      readonly body: Node;
      readonly place: Place;
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: Node }
  | {
      readonly kind: 'while';
      readonly what: 'while' | 'until';
      readonly when: Node;
      readonly body: Node;
      readonly place: Place;
    }
  | { readonly kind: 'case'; readonly word: Word; readonly clauses: readonly Clause[]; readonly place: Place }
  /** A part that may run in more than one way: how it goes is not known. */
  | { readonly kind: 'open'; readonly what: string; readonly nodes: readonly Node[]; readonly place: Place };

export type NodeOf<Kind extends Node['kind']> = Extract<Node, { readonly kind: Kind }>;

/** One choice of a `case`. */
export interface Clause {
  readonly patterns: readonly Word[];
  readonly body: Node;
  /** `;&`, `;;&`: others may come after it. */
  readonly goesOn: boolean;
}

export interface Place {
  readonly at: number;
  readonly length: number;
  readonly line: number;
}

/** One command with its words: `A=1 iptables -A INPUT > log`. */
export interface Simple {
  readonly kind: 'simple';
  readonly words: readonly Word[];
  /** The text in the script that it reads. */
  readonly input?: Body;
  readonly place: Place;
}

/** The parts of a part, in their order. */
export function nodesIn(node: Exclude<Node, Simple>): readonly Node[] {
  switch (node.kind) {
    case 'list':
    case 'pipe':
    case 'open':
      return node.nodes;
    case 'subshell':
      return [node.node];
    case 'chain':
      return [node.first, ...node.rest.map((one) => one.node)];
    case 'if':
      return [...node.branches.flatMap(({ when, body }) => [when, body]), ...(node.otherwise ? [node.otherwise] : [])];
    case 'while':
      return [node.when, node.body];
    case 'case':
      return node.clauses.map(({ body }) => body);
    case 'for':
      return [node.body];
    case 'function':
      return [];
  }
}

/** All simple commands that run where a part of a script does: what a function holds runs where it is called. */
export function* commandsIn(node: Node): Generator<Simple> {
  if (node.kind === 'simple') yield node;
  else for (const part of nodesIn(node)) yield* commandsIn(part);
}

/** Where the first command of a part stands. */
export const placeOf = (node: Node): Place => commandsIn(node).next().value?.place ?? { at: 0, length: 1, line: 1 };
