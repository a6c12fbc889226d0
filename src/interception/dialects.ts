import type { Dialect, DialectName } from './interception.ts';
import { writeIstio } from './istio.ts';
import { writeIstio2018 } from './istio-2018.ts';
import { writeIstioNft } from './istio-nft.ts';
import { NATIVE_TITLE } from './native-sets.ts';
import { recogniseIstio, recogniseIstio2018 } from './recognise-istio.ts';

/** Every product's way of writing an interception. A new one: its file, and one entry here. */
export const dialects: readonly Dialect[] = [
  {
    name: 'istio',
    title: 'Istio',
    chainPrefix: 'ISTIO_',
    write: writeIstio,
    recognise: recogniseIstio,
  },
  {
    name: 'istio-nft',
    title: NATIVE_TITLE,
    chainPrefix: 'istio-',
    write: writeIstioNft,
    // Its tables are not iptables'; read as if they were, they are today's Istio (native-sets.ts).
    recognise: () => undefined,
  },
  {
    name: 'istio-2018',
    title: 'Istio (2018 form)',
    chainPrefix: 'ISTIO_',
    write: writeIstio2018,
    recognise: recogniseIstio2018,
  },
];

/** The dialect of a name. */
export function dialectOf(name: DialectName): Dialect {
  const found = dialects.find((dialect) => dialect.name === name);
  if (!found) throw new TypeError(`no dialect ${name}`);
  return found;
}
