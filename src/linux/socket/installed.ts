import { pathToFileURL } from 'node:url';

/**
 * What Node.js itself finds by a name, from where this program is installed. Its module loader takes some milliseconds to
 * come up, so it is asked for only by what needs it: a command that changes rules does not.
 */
const loader = (): NodeJS.Require => process.getBuiltinModule('node:module').createRequire(import.meta.url);

/**
 * A library, loaded. Throws what Node.js says where that fails; tried again then, which an `import` is not: its failure is
 * remembered.
 */
export const requireInstalled = <Library>(name: string): Library => loader()(name) as Library;

/** koffi, loaded. Throws what Node.js says where it is not installed. */
export const requireKoffi = (): typeof import('koffi') => loader()('koffi');

/**
 * The address of a module of this package as it was built, for a process of its own: a plain Node.js cannot load its source.
 *
 * @example builtModule('dist/linux/table-list.js')
 */
export const builtModule = (path: string): string =>
  pathToFileURL(
    loader()
      .resolve('sidestep/package.json')
      .replace(/package\.json$/, path),
  ).href;
