import { appExempt } from './app-exempt.ts';
import { bothBackends } from './both-backends.ts';
import { bypassed, idleBypass } from './bypass.ts';
import { deadRule } from './dead-rule.ts';
import { deafProxy } from './deaf-proxy.ts';
import { dnsZone } from './dns-zone.ts';
import { dodge } from './dodge.ts';
import { drifted, foreignRule } from './drift.ts';
import { familyOpen } from './family-open.ts';
import { foreignTable } from './foreign-table.ts';
import { idleRule } from './idle-rule.ts';
import { interfaceOpen } from './interface-open.ts';
import type { Kind } from './kind.ts';
import { loop } from './loop.ts';
import { mutualTls } from './mutual-tls.ts';
import { repeated } from './repeated.ts';
import { rootExempt } from './root-exempt.ts';
import { unknownEnd } from './unknown.ts';
import { voidOption } from './void-option.ts';

export type { Kind } from './kind.ts';

/** All kinds of findings. A new one is its file, and one line here. */
export const KINDS: readonly Kind[] = [
  familyOpen,
  loop,
  deafProxy,
  appExempt,
  rootExempt,
  interfaceOpen,
  dnsZone,
  bothBackends,
  drifted,
  repeated,
  dodge,
  foreignRule,
  foreignTable,
  bypassed,
  idleBypass,
  idleRule,
  mutualTls,
  voidOption,
  unknownEnd,
  deadRule,
];
