export function outputOf(command: string): string;
export function examples(): readonly { readonly command: string; readonly shown: string }[];
