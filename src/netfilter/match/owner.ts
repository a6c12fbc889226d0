import { parseNumber, quoted } from '../codec.ts';
import { type Codec, flag, type MatchExtension, negatable, negatableFlag } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, is, isIn, type Predicate, some, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/**
 * A range of ids, or a name. Names are of the machine that holds the rules, so only `root` (0) is resolved; a rule that
 * keeps a name prints it, where the kernel would print the number, and its meaning is not known.
 */
export type OwnerIds = readonly [low: number, high: number] | string;

export interface OwnerOptions {
  readonly socketExists?: Negatable<true>;
  readonly uid?: Negatable<OwnerIds>;
  readonly gid?: Negatable<OwnerIds>;
  /** The process's further groups count too. */
  readonly supplementaryGroups?: true;
}

const LAST_ID = 0xffff_fffe;

/** Debian's rule for names, loosely: no digit first, so that a number that is too high is no name. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/;

const ids: Codec<OwnerIds> = {
  expected: 'an id from 0 to 4294967294, a range like 1000-1999, or a name',
  read(word) {
    if (word === 'root') return [0, 0];
    const [, first = '', last] = /^([^:-]+)(?:[:-]([^:-]+))?$/.exec(word) ?? [];
    const low = parseNumber(first, LAST_ID);
    const high = last === undefined ? low : parseNumber(last, LAST_ID);
    if (low !== undefined && high !== undefined) return low <= high ? [low, high] : undefined;
    return NAME.test(word) ? word : undefined;
  },
  print(of) {
    if (typeof of === 'string') return NAME.test(of) ? of : quoted(of);
    return of[0] === of[1] ? String(of[0]) : `${of[0]}-${of[1]}`;
  },
};

const within = (field: 'uid' | 'gid', of: OwnerIds): Predicate =>
  typeof of === 'string' ? unknown(`the ${field} of ${JSON.stringify(of)} is not known here`) : isIn(field, of);

/** A packet without a socket matches only what is negated. Source: netfilter-semantics 20, by experiment. */
const owned = is('owned', 1);

/** `-m owner`. Source: iptables-extensions(8), owner; net/netfilter/xt_owner.c. */
export const owner: MatchExtension<OwnerOptions> = {
  name: 'owner',
  places: { hooks: ['OUTPUT', 'POSTROUTING'] },
  options: {
    socketExists: negatableFlag('--socket-exists'),
    uid: negatable(['--uid-owner'], ids),
    gid: negatable(['--gid-owner'], ids),
    supplementaryGroups: flag('--suppl-groups'),
  },
  listed: listed(
    [/(! )?owner socket exists/, '$1 --socket-exists'],
    [/(! )?owner UID match (\S+)/, '$1 --uid-owner $2'],
    [/(! )?owner GID match (\S+)/, '$1 --gid-owner $2'],
    [/incl\. suppl\. groups/, '--suppl-groups'],
  ),
  refuse({ socketExists, uid, gid, supplementaryGroups }) {
    if (supplementaryGroups && !gid) return '--suppl-groups needs --gid-owner';
    return socketExists || uid || gid ? undefined : 'owner needs one of --uid-owner, --gid-owner and --socket-exists';
  },
  predicate({ socketExists, uid, gid, supplementaryGroups }) {
    const inGroup = (of: OwnerIds): Predicate =>
      supplementaryGroups
        ? some(within('gid', of), unknown('the further groups of the process are not known'))
        : within('gid', of);
    return all(
      // The kernel has no `!` for it, so without a socket the rule never matches, whatever else is negated.
      supplementaryGroups ? owned : ALWAYS,
      socketExists ? unless(socketExists.negated, owned) : ALWAYS,
      uid ? unless(uid.negated, all(owned, within('uid', uid.value))) : ALWAYS,
      gid ? unless(gid.negated, all(owned, inGroup(gid.value))) : ALWAYS,
    );
  },
};
