/** The way out for whoever has a script for `nft -f`: it is not run here, as its variables and files are wherever it runs. */
export const SCRIPT =
  "Load the script in a namespace of its own and give what it makes: unshare -n sh -c 'nft -f FILE; nft list ruleset'";
