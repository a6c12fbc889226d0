import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
// iptables' legacy back end has one lock for all network namespaces, and does not wait for it unless it is told to: files that run
// beside each other have one each. Source: iptables(8), XTABLES_LOCKFILE.
const lock = `${tmpdir()}/sidestep-xtables-${process.pid}.lock`;
process.env.XTABLES_LOCKFILE = lock;
process.once('exit', () => rmSync(lock, { force: true }));
