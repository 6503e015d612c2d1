// Which addresses a request may go to when somebody else named the host: only what is open to everybody.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'

/** What IANA's registries of special-purpose addresses (RFC 6890 and after) set aside, multicast included. */
const ranges: readonly string[] = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
  ...['5f00::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
]

const setAside = new BlockList()
for (const range of ranges) {
  const [network, bits] = range.split('/') as [string, string]
  setAside.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4')
}

/** Whether an IP address is one that everybody can reach. A mapped IPv4 address counts as what it maps. */
export function isPublic(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  if (mapped === undefined && /^::ffff:/i.test(address)) return false
  return isIP(plain) !== 0 && !setAside.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6')
}

export type Resolve = (hostname: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

const byName: Resolve = hostname => lookup(hostname, { all: true })

/**
 * The one address a request to the host goes to, null where one of its addresses is not public: a name that points inside
 * is refused as a whole. Rejects where the name cannot be resolved.
 */
export async function publicAddress(
  hostname: string,
  resolve: Resolve = byName,
): Promise<{ readonly address: string; readonly family: number } | null> {
  const literal = hostname.replace(/^\[|\]$/g, '')
  const found = isIP(literal) === 0 ? await resolve(hostname) : [{ address: literal, family: isIP(literal) }]
  return found.length > 0 && found.every(({ address }) => isPublic(address)) ? found[0]! : null
}
