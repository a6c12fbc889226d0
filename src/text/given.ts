/** `{ [key]: value }`, or nothing where the value is undefined. */
export const given = <const K extends string, T>(key: K, value: T | undefined): { readonly [Key in K]?: T } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [Key in K]?: T };
