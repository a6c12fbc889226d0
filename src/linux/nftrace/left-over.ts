import { existsSync } from 'node:fs';
import { run } from '../command.ts';
import type { Namespace } from '../namespace.ts';
import { findTool } from '../tool.ts';
import { WATCH_TABLE } from './idle.ts';

/**
 * Tables that watching left behind: their process is gone. It takes a kernel before 5.12, where a table outlives the socket
 * that made it, and a child that was killed.
 */
export async function leftWatchTables(namespace: Namespace, proc = '/proc'): Promise<readonly string[]> {
  const nft = findTool('nft');
  if (nft === undefined) return [];
  const { stdout } = await run([...namespace.enter, nft, 'list', 'tables', 'inet']);
  return stdout.split('\n').flatMap((line) => {
    const [, name, pid] = new RegExp(`^table inet (${WATCH_TABLE}(\\d+)-[0-9a-f]+)$`).exec(line) ?? [];
    return name === undefined || existsSync(`${proc}/${pid}`) ? [] : [name];
  });
}

/** Takes such tables away; gives those that were there. */
export async function removeWatchTables(namespace: Namespace): Promise<readonly string[]> {
  const left = await leftWatchTables(namespace);
  for (const name of left) await run([...namespace.enter, findTool('nft') ?? 'nft', 'delete', 'table', 'inet', name]);
  return left;
}
