import { TooComplex } from './too-complex.ts';

/**
 * A set as an edge of the diagram: twice the place of a node, plus one where the set is the complement of what the node says.
 * Equal sets are equal edges.
 */
export type Edge = number;

/** Everything, and nothing: both lead to node 0. */
export const ALL: Edge = 0;
export const NONE: Edge = 1;

export const complement = (set: Edge): Edge => set ^ 1;

/** Numbers from one up to another, with both; sorted, and apart from each other. */
export type Numbers = readonly (readonly [low: number, high: number])[];

/** What is left of a set from a number of its first variable on, up to the next part. */
export type Part = readonly [from: number, set: Edge];

/** Deeper than any variable, and more than any number. */
const BOTTOM = 0x7fff_ffff;

/** Where the first node stands: what is before it is the end of all. */
const FIRST = 2;

/** Room at the start, in whole numbers; it doubles. */
const LEAST_ROOM = 1 << 14;
const MOST_ROOM_AT_FIRST = 1 << 20;

/** Nodes take no more whole numbers than this. */
const MOST_ROOM = 1 << 25;

/** So many exits of chains are put together, which is twenty times what a firewall of 20,000 rules takes. */
const MOST_WORK = 2_000_000;

/** By this much both may be exceeded, to tell what was found so far. */
const RESERVE = 1.5;

/** So few sets are put together in whatever order. */
const FEW = 16;

/** Results that are kept: a larger cache is slower than what it spares. */
const MOST_KEPT = 1 << 17;

/**
 * A decision diagram with complement edges: ordered, reduced, every node there once. A variable is a number, and a node says from
 * which number on what is left of its set: so an address field is one node with a few parts, where bit by bit it were a dozen nodes for
 * each end of a range. The first part of a node is never complemented. All nodes lie one behind the other in one array:
 *
 *     variable, parts, set of the first, start of the second, its set, start of the third, …
 *
 * Results of `ite` are kept in a cache that forgets.
 *
 * Throws TooComplex beyond `MOST_ROOM`. Source: Brace, Rudell, Bryant, Efficient Implementation of a BDD Package (1990);
 * Strehl, Thiele, Symbolic Model Checking of Process Networks Using Interval Diagram Techniques (1998).
 */
export class Diagram {
  #nodes: Int32Array;
  /** Where the next node will be. */
  #end = FIRST;
  #count = 0;
  #work = 0;
  #room = MOST_ROOM;
  #mostWork = MOST_WORK;
  /** Open addressing: places of nodes, 0 where free. */
  #table: Int32Array;
  /** Four numbers an entry: f, g, h and the result. An entry of zeros is none: nothing asks ite of what f is ALL. */
  #cache: Int32Array;
  /** The parts of nodes that are being made: start and set. */
  #parts = new Int32Array(1 << 12);
  #top = 0;

  /** @param expected about so much room, so that the arrays need not grow often */
  constructor(expected: number) {
    let room = LEAST_ROOM;
    while (room < expected && room < MOST_ROOM_AT_FIRST) room *= 2;
    this.#nodes = new Int32Array(room);
    this.#table = new Int32Array(room >> 2);
    this.#cache = new Int32Array(Math.min(room >> 3, MOST_KEPT) * 4);
    this.#nodes[0] = BOTTOM;
  }

  /** The variable that a set asks first; beyond all variables for ALL and NONE. */
  level(set: Edge): number {
    return this.#nodes[set >> 1]!;
  }

  /** What is left of a set by its first variable; the first part begins at 0. */
  parts(set: Edge): readonly Part[] {
    const nodes = this.#nodes;
    const place = set >> 1;
    const parts: Part[] = [];
    for (let at = 0; at < nodes[place + 1]!; at += 1)
      parts.push([at === 0 ? 0 : nodes[place + 1 + 2 * at]!, nodes[place + 2 + 2 * at]! ^ (set & 1)]);
    return parts;
  }

  /** What is left of a set where its first variable is this number. */
  part(set: Edge, number: number): Edge {
    const nodes = this.#nodes;
    const place = set >> 1;
    const end = place + 2 * nodes[place + 1]! + 1;
    const at = place + 3;
    return nodes[nodes[at]! > number ? place + 2 : lastUpTo(nodes, at, end, number) + 1]! ^ (set & 1);
  }

  /** All that have 1 in a variable that is 0 or 1. */
  variable(level: number): Edge {
    return this.among(level, 2, [[1, 1]]);
  }

  /** Those of a set of later variables that have one of these numbers, of so many that there are. */
  among(level: number, size: number, numbers: Numbers, inside: Edge = ALL): Edge {
    const base = this.#top;
    let at = 0;
    for (let nth = 0; nth < numbers.length; nth += 1) {
      const range = numbers[nth]!;
      if (range[0] > at) this.#push(base, at, NONE);
      this.#push(base, range[0], inside);
      at = range[1] + 1;
    }
    if (at < size) this.#push(base, at, NONE);
    return this.#node(level, base);
  }

  /** Those of a set of later variables that have a number from one up to another, with both, of so many that there are. */
  between(level: number, size: number, low: number, high: number, inside: Edge): Edge {
    const base = this.#top;
    if (low > 0) this.#push(base, 0, NONE);
    this.#push(base, low, inside);
    if (high + 1 < size) this.#push(base, high + 1, NONE);
    return this.#node(level, base);
  }

  /** One more part of the node that is being made. */
  #push(base: number, from: number, set: Edge): void {
    const top = this.#top;
    if (top > base && this.#parts[top - 1] === set) return;
    if (top + 2 > this.#parts.length) this.#parts = grown(this.#parts);
    this.#parts[top] = from;
    this.#parts[top + 1] = set;
    this.#top = top + 2;
  }

  /** The node of the parts from `base` on, which are taken away. */
  #node(level: number, base: number): Edge {
    const parts = this.#parts;
    const top = this.#top;
    this.#top = base;
    if (top === base + 2) return parts[base + 1]!;
    const turned = parts[base + 1]! & 1;
    if (turned === 1) for (let at = base + 1; at < top; at += 2) parts[at]! ^= 1;
    const nodes = this.#nodes;
    const table = this.#table;
    const mask = table.length - 1;
    let free = hashOf(parts, level, base + 1, top) & mask;
    for (let place = table[free]!; place !== 0; place = table[free]!) {
      if (nodes[place] === level && isSame(nodes, place, parts, base, top)) return (place << 1) | turned;
      free = (free + 1) & mask;
    }
    table[free] = this.#end;
    return (this.#add(level, base, top) << 1) | turned;
  }

  /** So many steps more are taken. Throws TooComplex where they are too many. */
  spend(steps: number): void {
    this.#work += steps;
    if (this.#work > this.#mostWork) throw new TooComplex('rules make packets differ in too many ways');
  }

  /** After TooComplex: a little more, once. */
  relent(): void {
    this.#room = MOST_ROOM * RESERVE;
    this.#mostWork = this.#work + MOST_WORK * (RESERVE - 1);
  }

  /** Where a new node stands. */
  #add(level: number, base: number, top: number): number {
    const place = this.#end;
    this.#end = place + 1 + top - base;
    if (this.#end > this.#room) throw new TooComplex(`sets take more than ${MOST_ROOM} numbers to write down`);
    if (this.#end > this.#nodes.length) this.#nodes = grown(this.#nodes, this.#end);
    const nodes = this.#nodes;
    nodes[place] = level;
    nodes[place + 1] = (top - base) >> 1;
    for (let at = base + 1; at < top; at += 1) nodes[place + 1 + at - base] = this.#parts[at]!;
    this.#count += 1;
    if (this.#count * 2 > this.#table.length) this.#makeRoom();
    return place;
  }

  /** Makes room for more nodes, and for more results. */
  #makeRoom(): void {
    const nodes = this.#nodes;
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let place = FIRST; place < this.#end; ) {
      const next = place + 2 * nodes[place + 1]! + 1;
      let free = hashOf(nodes, nodes[place]!, place + 2, next) & mask;
      while (this.#table[free] !== 0) free = (free + 1) & mask;
      this.#table[free] = place;
      place = next;
    }
    if (this.#cache.length < MOST_KEPT * 4) this.#cache = new Int32Array(this.#cache.length * 2);
  }

  and(f: Edge, g: Edge): Edge {
    return this.ite(f, g, NONE);
  }

  or(f: Edge, g: Edge): Edge {
    return this.ite(f ^ 1, g ^ 1, NONE) ^ 1;
  }

  /** What one of the two holds, but not both. */
  xor(f: Edge, g: Edge): Edge {
    return this.ite(f, g ^ 1, g);
  }

  /** What the first holds and the second does not. */
  minus(f: Edge, g: Edge): Edge {
    return this.ite(f, g ^ 1, NONE);
  }

  /** `g` inside `f`, `h` outside it. */
  ite(f: Edge, g: Edge, h: Edge): Edge {
    if (f === ALL) return g;
    if (f === NONE) return h;
    if (g === h) return g;
    // What is asked again under itself has its answer.
    if (g === f) g = ALL;
    else if (g === (f ^ 1)) g = NONE;
    if (h === f) h = NONE;
    else if (h === (f ^ 1)) h = ALL;
    if (g === h) return g;
    if (g === ALL && h === NONE) return f;
    if (g === NONE && h === ALL) return f ^ 1;
    // One spelling for equal questions: f and g stand uncomplemented, and of two that could change places the older is f.
    if (h === NONE && g > 1 && g < f) {
      const first = f;
      f = g;
      g = first;
    } else if (g === ALL && h > 1 && h < f) {
      const first = f;
      f = h;
      h = first;
    }
    if ((f & 1) !== 0) {
      const inside = g;
      f ^= 1;
      g = h;
      h = inside;
    }
    return (g & 1) !== 0 ? this.#ite(f, g ^ 1, h ^ 1) ^ 1 : this.#ite(f, g, h);
  }

  #ite(f: Edge, g: Edge, h: Edge): Edge {
    const cache = this.#cache;
    const place = (mixed(f, g, h) & ((cache.length >> 2) - 1)) << 2;
    if (cache[place] === f && cache[place + 1] === g && cache[place + 2] === h) return cache[place + 3]!;
    // Nodes never change: those that are asked about stand in this array even where it has grown meanwhile.
    const nodes = this.#nodes;
    let atF = f >> 1;
    let atG = g >> 1;
    let atH = h >> 1;
    let level = nodes[atF]!;
    if (nodes[atG]! < level) level = nodes[atG]!;
    if (nodes[atH]! < level) level = nodes[atH]!;
    // Of each its part, and where the next one starts; what asks later variables only is one part.
    let partF = f;
    let partG = g;
    let partH = h;
    let nextF = BOTTOM;
    let nextG = BOTTOM;
    let nextH = BOTTOM;
    let endF = 0;
    let endG = 0;
    let endH = 0;
    if (nodes[atF] === level) {
      endF = atF + 2 * nodes[atF + 1]! + 1;
      partF = nodes[atF + 2]! ^ (f & 1);
      atF += 3;
      nextF = nodes[atF]!;
    }
    if (nodes[atG] === level) {
      endG = atG + 2 * nodes[atG + 1]! + 1;
      partG = nodes[atG + 2]! ^ (g & 1);
      atG += 3;
      nextG = nodes[atG]!;
    }
    if (nodes[atH] === level) {
      endH = atH + 2 * nodes[atH + 1]! + 1;
      partH = nodes[atH + 2]! ^ (h & 1);
      atH += 3;
      nextH = nodes[atH]!;
    }
    const base = this.#top;
    for (let from = 0; ; ) {
      // The answer holds until a part ends that it hangs on.
      let part = partG;
      let next = nextG < nextH ? nextG : nextH;
      if (partG !== partH) {
        if (partF === ALL) next = nextF < nextG ? nextF : nextG;
        else if (partF === NONE) {
          part = partH;
          next = nextF < nextH ? nextF : nextH;
        } else {
          part = this.ite(partF, partG, partH);
          if (nextF < next) next = nextF;
        }
      }
      this.#push(base, from, part);
      if (next === BOTTOM) break;
      from = next;
      if (nextF <= from) {
        atF = lastUpTo(nodes, atF, endF, from);
        partF = nodes[atF + 1]! ^ (f & 1);
        atF += 2;
        nextF = atF < endF ? nodes[atF]! : BOTTOM;
      }
      if (nextG <= from) {
        atG = lastUpTo(nodes, atG, endG, from);
        partG = nodes[atG + 1]! ^ (g & 1);
        atG += 2;
        nextG = atG < endG ? nodes[atG]! : BOTTOM;
      }
      if (nextH <= from) {
        atH = lastUpTo(nodes, atH, endH, from);
        partH = nodes[atH + 1]! ^ (h & 1);
        atH += 2;
        nextH = atH < endH ? nodes[atH]! : BOTTOM;
      }
    }
    const result = this.#node(level, base);
    // The cache may have grown meanwhile: then what is kept at this place of the old one is not found again.
    cache[place] = f;
    cache[place + 1] = g;
    cache[place + 2] = h;
    cache[place + 3] = result;
    return result;
  }

  /** The set without what it says of some variables: in it where any value of them would be. `deepest`: none is deeper. */
  exists(set: Edge, gone: (level: number) => boolean, deepest = BOTTOM): Edge {
    const known = new Map<Edge, Edge>();
    const visit = (edge: Edge): Edge => {
      if (edge <= 1) return edge;
      const level = this.#nodes[edge >> 1]!;
      if (level > deepest) return edge;
      let result = known.get(edge);
      if (result === undefined) {
        result = gone(level) ? this.#anyBelow(edge, visit) : this.#each(edge, visit);
        known.set(edge, result);
      }
      return result;
    };
    return visit(set);
  }

  /** What any part of a set becomes, whatever its first variable is. */
  #anyBelow(set: Edge, change: (part: Edge) => Edge): Edge {
    const nodes = this.#nodes;
    const place = set >> 1;
    const end = place + 2 * nodes[place + 1]! + 1;
    const below = new Set<Edge>();
    for (let at = place + 2; at < end; at += 2) {
      const part = change(nodes[at]! ^ (set & 1));
      if (part === ALL) return ALL;
      below.add(part);
    }
    return this.any([...below]);
  }

  /** The set with something done to what is left of it by its first variable. */
  #each(set: Edge, change: (part: Edge) => Edge): Edge {
    const base = this.#top;
    // Nodes never change: this one stands in this array even where it has grown meanwhile.
    const nodes = this.#nodes;
    const place = set >> 1;
    const end = place + 2 * nodes[place + 1]! + 1;
    for (let at = place + 2; at < end; at += 2)
      this.#push(base, at === place + 2 ? 0 : nodes[at - 1]!, change(nodes[at]! ^ (set & 1)));
    return this.#node(nodes[place]!, base);
  }

  /** What any of some sets holds, put together by halves: one after the other, each step would write down all before it again. */
  any(some: readonly Edge[]): Edge {
    let sets = some.length > FEW ? this.#inOrder(some) : some;
    while (sets.length > 1) {
      if (sets.includes(ALL)) return ALL;
      const halves: Edge[] = [];
      for (let at = 0; at < sets.length; at += 2) halves.push(this.or(sets[at]!, sets[at + 1] ?? NONE));
      sets = halves;
    }
    return sets[0] ?? NONE;
  }

  /** Sets that begin near each other stand near each other: put together first, they have more in common than others have. */
  #inOrder(some: readonly Edge[]): readonly Edge[] {
    const begun = some.filter((set) => set !== NONE).map((set) => ({ set, at: [...this.witness(set)].flat() }));
    return begun.sort((one, other) => compareWays(one.at, other.at)).map(({ set }) => set);
  }

  /** In it where every value of the variables would be. */
  forAll(set: Edge, gone: (level: number) => boolean): Edge {
    return this.exists(set ^ 1, gone) ^ 1;
  }

  /** Whether the set holds what these numbers say. */
  holds(set: Edge, number: (level: number) => number): boolean {
    let edge = set;
    while (edge > 1) edge = this.part(edge, number(this.level(edge)));
    return edge === ALL;
  }

  /** One way into a set that is not empty: the lowest numbers, by variable, where they matter. */
  witness(set: Edge): Map<number, number> {
    const numbers = new Map<number, number>();
    const nodes = this.#nodes;
    let edge = set;
    while (edge > 1) {
      const place = edge >> 1;
      const first = nodes[place + 2]! ^ (edge & 1);
      numbers.set(nodes[place]!, first === NONE ? nodes[place + 3]! : 0);
      edge = first === NONE ? nodes[place + 4]! ^ (edge & 1) : first;
    }
    return numbers;
  }
}

/** Compares ways into a diagram, given as variable and number in turn. What is not there is 0. */
function compareWays(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < one.length && at < other.length; at += 2) {
    if (one[at] !== other[at]) return one[at]! < other[at]! ? one[at + 1]! || -1 : -other[at + 1]! || 1;
    if (one[at + 1] !== other[at + 1]) return one[at + 1]! - other[at + 1]!;
  }
  return 0;
}

/** Of parts that begin from `at` on, where the last one stands that begins at a number or before it; the first does. */
function lastUpTo(nodes: Int32Array, at: number, end: number, number: number): number {
  if (at + 2 >= end || nodes[at + 2]! > number) return at;
  let low = 1;
  let high = (end - at) >> 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (nodes[at + 2 * middle]! <= number) low = middle;
    else high = middle;
  }
  return at + 2 * low;
}

function isSame(nodes: Int32Array, place: number, parts: Int32Array, base: number, top: number): boolean {
  if (nodes[place + 1] !== (top - base) >> 1) return false;
  for (let at = base + 1; at < top; at += 1) if (nodes[place + 1 + at - base] !== parts[at]) return false;
  return true;
}

function hashOf(numbers: Int32Array, level: number, from: number, to: number): number {
  let hash = level;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ numbers[at]!, 0x0100_0193);
  return hash ^ (hash >>> 15);
}

/** Not mixed well on purpose: what is made one after the other stands near each other, and is found in the processor's cache. */
const mixed = (a: number, b: number, c: number): number =>
  (Math.imul(a, 769) + Math.imul(b, 193) + Math.imul(c, 7)) | 0;

/** An array with the same numbers, and room for more. */
function grown(numbers: Int32Array, least = 0): Int32Array<ArrayBuffer> {
  let room = numbers.length * 2;
  while (room < least) room *= 2;
  const more = new Int32Array(room);
  more.set(numbers);
  return more;
}
