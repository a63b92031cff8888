import { BlockList, isIP } from 'node:net';

/** What an address reaches. `special` is everything that no server has: unspecified, multicast, reserved, tunnels. */
export type AddressKind = 'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'special';

// IANA's special-purpose registries (RFC 6890), and the services that hand out a machine's credentials. The first match decides.
const kinds: readonly (readonly [AddressKind, BlockList])[] = (
  [
    [
      'metadata',
      // AWS (instances, containers, IPv6), Alibaba, Azure, Oracle, Google (IPv6).
      '169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 fd00:ec2::254/128 fd00:ec2::23/128',
      '100.100.100.200/32 168.63.129.16/32 192.0.0.192/32 fd20:ce::254/128',
    ],
    ['loopback', '127.0.0.0/8 ::1/128'],
    ['private', '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7'],
    ['link-local', '169.254.0.0/16 fe80::/10'],
    [
      'special',
      '0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24',
      '224.0.0.0/4 240.0.0.0/4 2001::/32 2001:db8::/32 2002::/16 3fff::/20',
    ],
  ] as const
).map(([kind, ...ranges]) => [kind, blockList(ranges.join(' '))]);

// RFC 4291, section 2.4: the only part of IPv6 that is given out.
const globalUnicast = blockList('2000::/3');

/** The kind of an IP address; an IPv4 address inside an IPv6 one (RFC 4291 mapped, RFC 6052 NAT64) counts as itself. */
export function addressKind(address: string): AddressKind {
  const plain = embeddedIPv4(address) ?? address;
  const version = isIP(plain);
  if (version === 0) return 'special';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  // A zone (fe80::1%eth0) is no part of the number.
  const number = plain.replace(/%.*$/, '');
  const known = kinds.find(([, list]) => list.check(number, family));
  if (known) return known[0];
  return version === 4 || globalUnicast.check(number, 'ipv6') ? 'public' : 'special';
}

function embeddedIPv4(address: string): string | undefined {
  if (isIP(address) !== 6 || address.includes('%')) return undefined;
  // URL writes an IPv6 address in its one canonical way (RFC 5952).
  const { hostname } = new URL(`http://[${address}]`);
  const found = /^\[(?:::ffff|64:ff9b:):([0-9a-f]+):([0-9a-f]+)\]$/.exec(hostname);
  if (!found) return undefined;
  const bytes = found.slice(1).flatMap((group) => {
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 255];
  });
  return bytes.join('.');
}

function blockList(ranges: string): BlockList {
  const list = new BlockList();
  for (const range of ranges.split(' ')) {
    const [network = '', bits] = range.split('/');
    list.addSubnet(network, Number(bits), isIP(network) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
