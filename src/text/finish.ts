import type { Prefix } from '../address/index.ts';
import {
  BUILT_IN,
  type Header,
  isBuiltIn,
  type MatchUse,
  type Negatable,
  type Places,
  protocolName,
  type Rule,
  type TargetUse,
} from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { bitOf, type Draft, type OpenHeader, type Use } from './draft.ts';
import { holdsAll } from './header.ts';
import type { Spelling } from './spelling.ts';

/** Checks what was read as a whole, completes the options of each extension, and appends the rule, or several. */
export function finish(draft: Draft, line: number | undefined, rules: Rule[]): void {
  const { header, scope, undeclared, counters } = draft;
  const matches = completed(draft);
  const target = draft.target && ('kind' in draft.target ? draft.target : known(draft, draft.target));
  if (undeclared && target && 'chain' in target) scope.onUndeclared?.(target.chain, undeclared.at, undeclared.length);
  if (!draft.sources && !draft.destinations) {
    rules.push(build(closed(header), matches, target, counters, line));
    return;
  }
  if (header.source?.negated || header.destination?.negated)
    throw new Fault(
      draft.listed?.at ?? 0,
      draft.listed?.length ?? 1,
      'several addresses in a rule with a ! before -s or -d',
      'Several addresses make several rules, of which one would match what another is to leave out: write them one by one.',
    );
  for (const source of draft.sources ?? [header.source?.value])
    for (const destination of draft.destinations ?? [header.destination?.value])
      rules.push(build(withPrefixes(header, source, destination), matches, target, counters, line));
}

const NONE: Rule['matches'] = [];

/** The matches, complete. Rules with the same one match share the list too. */
function completed(draft: Draft): Rule['matches'] {
  const { matches, alone } = draft;
  if (matches.length === 0) return NONE;
  if (matches.length === 1 && alone) return alone;
  // Lists in one piece have no more room than they need.
  if (matches.length === 1) return [complete(draft, matches[0]!)];
  if (matches.length === 2) return [complete(draft, matches[0]!), complete(draft, matches[1]!)];
  return several(draft);
}

const several = (draft: Draft): Rule['matches'] => draft.matches.map((use) => complete(draft, use));

const complete = (draft: Draft, use: Draft['matches'][number]): Rule['matches'][number] =>
  'kind' in use ? use : known(draft, use);

function build(
  header: Header,
  matches: Rule['matches'],
  target: TargetUse | undefined,
  counters: Rule['counters'] | undefined,
  line: number | undefined,
): Rule {
  // The usual rule in one piece: what is added to an object later costs another.
  if (target && line !== undefined && !counters) return { header, matches, target, line };
  const rule: { -readonly [Key in keyof Rule]: Rule[Key] } = { header, matches };
  if (target) rule.target = target;
  if (counters) rule.counters = counters;
  if (line !== undefined) rule.line = line;
  return rule;
}

/**
 * The header in an object of its own size. The forms that most rules of a large set have come first; those that name no more
 * than a protocol share theirs.
 */
function closed({ source, destination, in: inName, out, protocol, fragment }: OpenHeader): Header {
  if (!inName && !out && !fragment) {
    if (!source && !destination) return protocol ? protocolAlone(protocol) : EMPTY;
    if (!source) return protocol ? { destination: destination!, protocol } : { destination: destination! };
    if (!destination) return protocol ? { source, protocol } : { source };
  }
  const header: { -readonly [Key in keyof Header]: Header[Key] } = {};
  if (source) header.source = source;
  if (destination) header.destination = destination;
  if (inName) header.in = inName;
  if (out) header.out = out;
  if (protocol) header.protocol = protocol;
  if (fragment) header.fragment = fragment;
  return header;
}

const EMPTY: Header = {};

const alone: Header[] = [];

function protocolAlone(protocol: Negatable<number>): Header {
  const index = protocol.negated ? 256 + protocol.value : protocol.value;
  alone[index] ??= { protocol };
  return alone[index];
}

const withPrefixes = (given: OpenHeader, source: Prefix | undefined, destination: Prefix | undefined): Header =>
  closed({ ...given, source: kept(source), destination: kept(destination) });

/** A prefix that holds every address is not kept. */
const kept = (prefix: Prefix | undefined): Negatable<Prefix> | undefined =>
  prefix && !holdsAll(prefix) ? { value: prefix, negated: false } : undefined;

/** One use as the rule holds it, after all that the tools and the kernel check. */
export function known(draft: Draft, use: Use): MatchUse {
  const { spelling, options, at, length } = use;
  const { extension } = spelling;
  const { name } = extension;
  checkProtocol(draft, use);
  if (extension.required) {
    for (const key of extension.required)
      if (options[key] === undefined)
        throw new Fault(at, length, `${name} needs ${optionFor(spelling, key)}`, `Without it ${name} means nothing.`);
  }
  if (extension.refuse) {
    const problem = extension.refuse(options, {
      family: draft.scope.family,
      protocol: draft.protocol || undefined,
      named: draft.header.protocol?.value,
    });
    if (problem !== undefined) throw new Fault(at, length, problem, 'The kernel’s tools refuse it too.');
  }
  checkPlaces(draft, use);
  if (extension.complete) return { kind: 'known', name, options: extension.complete(options, draft.scope.family) };
  if (extension.required || !isEmpty(options)) return { kind: 'known', name, options };
  return withoutOptions(draft, spelling, options);
}

function isEmpty(options: object): boolean {
  for (const _key in options) return false;
  return true;
}

function withoutOptions({ bare }: Draft, spelling: Spelling, options: object): MatchUse {
  const shared = bare.get(spelling);
  if (shared) return shared;
  const use: MatchUse = { kind: 'known', name: spelling.extension.name, options };
  bare.set(spelling, use);
  return use;
}

function checkProtocol({ protocol, seen }: Draft, { spelling, at, length }: Use): void {
  const { name, protocols } = spelling.extension;
  if (!protocols || (protocol !== undefined && protocols.includes(protocol))) return;
  const names = protocols.map((number) => `-p ${protocolName(number)}`);
  const wanted = names.length > 2 ? `${names[0]}, ${names[1]} or another protocol with ports` : names.join(' or ');
  const cause =
    (seen & bitOf('-p')) !== 0 ? 'The rule asks for another protocol.' : 'The rule asks for no protocol, or for all.';
  throw new Fault(at, length, `${name} needs ${wanted}`, cause);
}

function optionFor({ slots }: Spelling, key: string): string {
  for (const [name, slot] of slots) if (slot.key === key) return name;
  return key;
}

/** Where the extension may stand in the form that it has here. */
export const placesOf = ({ spelling, options }: Use): Places | undefined => {
  const { places } = spelling.extension;
  return typeof places === 'function' ? places(options) : places;
};

function checkPlaces({ scope }: Draft, use: Use): void {
  const places = placesOf(use);
  if (!places) return;
  const { table, chain } = scope;
  const { at, length, spelling } = use;
  const { name } = spelling.extension;
  if (places.tables && !places.tables.includes(table)) {
    const hint =
      table === 'nat' && name === 'DROP'
        ? 'The nat table sees a connection’s first packet only: drop it in filter, mangle or raw.'
        : `It belongs to ${places.tables.join(', ')}.`;
    throw new Fault(at, length, `${name} cannot stand in the table ${table}`, hint);
  }
  const { hooks } = places;
  if (!hooks) return;
  if (chain === undefined || !isBuiltIn(table, chain)) scope.onHooks?.(name, hooks, at, length);
  else if (!(hooks as readonly string[]).includes(chain)) {
    const allowed = hooks.filter((hook) => BUILT_IN[table].includes(hook)).join(', ');
    const hint = `The kernel takes it in ${allowed}, and in chains that only these jump to.`;
    throw new Fault(at, length, `${name} cannot stand in ${chain}`, hint);
  }
}
