import { TooComplex } from './too-complex.ts';

/**
 * A set as an edge of the diagram: twice the number of a node, plus one where the set is the complement of what the node says.
 * Equal sets are equal edges.
 */
export type Edge = number;

/** Everything, and nothing: both lead to node 0. */
export const ALL: Edge = 0;
export const NONE: Edge = 1;

export const complement = (set: Edge): Edge => set ^ 1;

/** Deeper than any variable. */
const BOTTOM = 0x7fff_ffff;

/** Room for nodes at the start; it doubles. */
const FEWEST = 1 << 12;
const MOST_AT_FIRST = 1 << 19;

/** More nodes than this are not made. */
const MOST_NODES = 4_000_000;

/** Results that are kept, for so many nodes one: a larger cache is slower than what it spares. */
const NODES_A_RESULT = 4;
const MOST_KEPT = 1 << 18;

/**
 * A binary decision diagram with complement edges: ordered, reduced, every node there once. The high edge of a node is never
 * complemented. A node is three numbers beside each other in one array, so that they are in one line of the processor's cache; results
 * of `ite` are kept in a cache that forgets.
 *
 * Throws TooComplex beyond `MOST_NODES` nodes. Source: Brace, Rudell, Bryant, Efficient Implementation of a BDD Package (1990).
 */
export class Diagram {
  #nodes = 1;
  /** Four numbers a node: its variable, low, high, and none. */
  #node: Int32Array;
  /** Open addressing: node numbers, 0 where free. */
  #table: Int32Array;
  /** Four numbers an entry: f, g, h and the result. An entry of zeros is none: nothing asks ite of what f is ALL. */
  #cache: Int32Array;

  /** @param expected about so many nodes, so that the arrays need not grow often */
  constructor(expected: number) {
    let size = FEWEST;
    while (size < expected && size < MOST_AT_FIRST) size *= 2;
    this.#node = new Int32Array(size * 4);
    this.#table = new Int32Array(size * 2);
    this.#cache = cacheFor(size);
    this.#node[0] = BOTTOM;
  }

  /** The variable that a set asks first; beyond all variables for ALL and NONE. */
  level(set: Edge): number {
    return this.#node[(set >> 1) << 2]!;
  }

  /** What is left of the set where its first variable is 0, and where it is 1. */
  low(set: Edge): Edge {
    return this.#node[((set >> 1) << 2) + 1]! ^ (set & 1);
  }

  high(set: Edge): Edge {
    return this.#node[((set >> 1) << 2) + 2]! ^ (set & 1);
  }

  /** All that have a variable set. */
  variable(level: number): Edge {
    return this.node(level, NONE, ALL);
  }

  /** The set that is `low` where the variable is 0 and `high` where it is 1. Both ask later variables only. */
  node(level: number, low: Edge, high: Edge): Edge {
    if (low === high) return low;
    if (high & 1) return this.#find(level, low ^ 1, high ^ 1) ^ 1;
    return this.#find(level, low, high);
  }

  #find(level: number, low: Edge, high: Edge): Edge {
    const nodes = this.#node;
    const table = this.#table;
    const mask = table.length - 1;
    let at = hash(level, low, high) & mask;
    for (;;) {
      const node = table[at]!;
      if (node === 0) break;
      const place = node << 2;
      if (nodes[place + 1] === low && nodes[place + 2] === high && nodes[place] === level) return node << 1;
      at = (at + 1) & mask;
    }
    const node = this.#nodes;
    if (node >= MOST_NODES) throw new TooComplex(`more than ${MOST_NODES} nodes`);
    this.#nodes += 1;
    if (node << 2 >= nodes.length) return this.#add(node, level, low, high);
    const place = node << 2;
    nodes[place] = level;
    nodes[place + 1] = low;
    nodes[place + 2] = high;
    table[at] = node;
    return node << 1;
  }

  /** Adds a node for which there was no room. */
  #add(node: number, level: number, low: Edge, high: Edge): Edge {
    const size = (this.#node.length >> 2) * 2;
    const nodes = new Int32Array(size * 4);
    nodes.set(this.#node);
    nodes.set([level, low, high], node << 2);
    this.#node = nodes;
    this.#table = new Int32Array(size * 2);
    for (let each = 1; each <= node; each += 1) this.#enter(each);
    if (this.#cache.length < MOST_KEPT * 4) this.#cache = cacheFor(size);
    return node << 1;
  }

  #enter(node: number): void {
    const place = node << 2;
    const mask = this.#table.length - 1;
    let at = hash(this.#node[place]!, this.#node[place + 1]!, this.#node[place + 2]!) & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = node;
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
    const at = (hash(f, g, h) & ((cache.length >> 2) - 1)) << 2;
    if (cache[at] === f && cache[at + 1] === g && cache[at + 2] === h) return cache[at + 3]!;
    const nodes = this.#node;
    const placeF = (f >> 1) << 2;
    const placeG = (g >> 1) << 2;
    const placeH = (h >> 1) << 2;
    const a = nodes[placeF]!;
    const b = nodes[placeG]!;
    const c = nodes[placeH]!;
    let level = a < b ? a : b;
    if (c < level) level = c;
    let lowF = f;
    let highF = f;
    if (a === level) {
      lowF = nodes[placeF + 1]! ^ (f & 1);
      highF = nodes[placeF + 2]! ^ (f & 1);
    }
    let lowG = g;
    let highG = g;
    if (b === level) {
      lowG = nodes[placeG + 1]! ^ (g & 1);
      highG = nodes[placeG + 2]! ^ (g & 1);
    }
    let lowH = h;
    let highH = h;
    if (c === level) {
      lowH = nodes[placeH + 1]! ^ (h & 1);
      highH = nodes[placeH + 2]! ^ (h & 1);
    }
    const low = this.ite(lowF, lowG, lowH);
    const result = this.node(level, low, this.ite(highF, highG, highH));
    // The cache may have grown meanwhile: then what is kept at this place of the old one is not found again.
    cache[at] = f;
    cache[at + 1] = g;
    cache[at + 2] = h;
    cache[at + 3] = result;
    return result;
  }

  /** The set without what it says of some variables: in it where any value of them would be. `deepest`: none is deeper. */
  exists(set: Edge, gone: (level: number) => boolean, deepest = BOTTOM): Edge {
    const known = new Map<Edge, Edge>();
    const visit = (edge: Edge): Edge => {
      if (edge <= 1 || this.level(edge) > deepest) return edge;
      const before = known.get(edge);
      if (before !== undefined) return before;
      const level = this.level(edge);
      const low = visit(this.low(edge));
      const result = gone(level)
        ? low === ALL
          ? ALL
          : this.or(low, visit(this.high(edge)))
        : this.node(level, low, visit(this.high(edge)));
      known.set(edge, result);
      return result;
    };
    return visit(set);
  }

  /** In it where every value of the variables would be. */
  forAll(set: Edge, gone: (level: number) => boolean): Edge {
    return this.exists(set ^ 1, gone) ^ 1;
  }

  /** Whether the set holds what these bits say. */
  holds(set: Edge, bit: (level: number) => boolean): boolean {
    let edge = set;
    while (edge > 1) edge = bit(this.level(edge)) ? this.high(edge) : this.low(edge);
    return edge === ALL;
  }

  /** One way into a set that is not empty: the bits that matter, by variable. */
  witness(set: Edge): Map<number, boolean> {
    const bits = new Map<number, boolean>();
    let edge = set;
    while (edge > 1) {
      const high = this.low(edge) === NONE;
      bits.set(this.level(edge), high);
      edge = high ? this.high(edge) : this.low(edge);
    }
    return bits;
  }
}

/** Not mixed well on purpose: what is made one after the other stands near each other, and is found in the processor's cache. */
const hash = (a: number, b: number, c: number): number => (Math.imul(a, 769) + Math.imul(b, 193) + Math.imul(c, 7)) | 0;

const cacheFor = (size: number): Int32Array => new Int32Array(Math.min(size / NODES_A_RESULT, MOST_KEPT) * 4);
